package wire

// LongestBody is the most bytes of a request or an answer that a worker and its clients take,
// with the frame that it may come in.
const LongestBody = 64 << 20

// Limits bound what a message may make its reader allocate, beside the body
// itself, whose length is for the caller to limit. A field that is 0 takes its default.
type Limits struct {
	Header  int // bytes of the JSON before binary data; default 1 MiB. In a reply, 256 more for each row sent
	Tensors int // in a message; default 1024. In a reply, 4 more for each row sent
	Rows    int // default 65536
	Dims    int // of a shape; default 16, at most 255
	Name    int // bytes of a name, an ID or a fingerprint; default 256
}

// maxDims is as many as are stored before Dims is looked at.
const maxDims = 255

func (l Limits) withDefaults() Limits {
	fill := func(field *int, otherwise int) {
		if *field <= 0 {
			*field = otherwise
		}
	}
	fill(&l.Header, 1<<20)
	fill(&l.Tensors, 1024)
	fill(&l.Rows, 65536)
	fill(&l.Dims, 16)
	fill(&l.Name, 256)
	return l
}
