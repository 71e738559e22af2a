package local

import "os"

// pipes is the standard input, output and error of a child.
//
// A launch opens them at once, though the process may start later: so files that have run
// out refuse the launch, and do not break it when it has been promised. Two more pipes
// are kept for what the start itself needs.
type pipes struct {
	stdin          *os.File // to write to
	stdout, stderr *os.File // to read from
	child          []*os.File
	spare          []*os.File
}

// newPipes opens all of them, or none.
func newPipes() (*pipes, error) {
	var in, out []*os.File
	for range 5 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(in)
			closeAll(out)
			return nil, err
		}
		in, out = append(in, r), append(out, w)
	}
	return &pipes{
		stdin: out[0], stdout: in[1], stderr: in[2],
		child: []*os.File{in[0], out[1], out[2]},
		spare: []*os.File{in[3], out[3], in[4], out[4]},
	}, nil
}

// makeRoom gives back the spare ones, just before the start.
func (p *pipes) makeRoom() { closeAll(p.spare) }

// started closes the child's ends, which the child has now: or else they would never
// end.
func (p *pipes) started() { closeAll(p.child) }

// close closes whatever is open still.
func (p *pipes) close() {
	closeAll(p.spare)
	closeAll(p.child)
	closeAll([]*os.File{p.stdin, p.stdout, p.stderr})
}

// closeAll closes files that may have been closed before.
func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
