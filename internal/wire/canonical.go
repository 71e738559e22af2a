package wire

import (
	"math"
	"strings"
)

// canonical reads a header in exactly the form that this package writes, in a
// sixth of the time of encoding/json. Anything else makes it odd, and is left to
// encoding/json: names that JSON must escape, other orders of fields, spaces. The
// strings that it returns share the header's memory.
type canonical struct {
	rest string
	odd  bool // from then on, what is read means nothing
}

func canonicalRequest(text string, l Limits) (header, bool) {
	c := canonical{rest: text}
	h := newHeader(l.Tensors)
	p := &h.Parameters
	h.ID = c.text(`{"id":`)
	p.Fingerprint = c.text(`,"parameters":{"serflow_version":1,"serflow_fingerprint":`)
	p.Version = versionText
	p.Generation = uint64(c.number(`,"serflow_generation":`))
	p.First = c.int(`,"serflow_first":`)
	p.Last = c.int(`,"serflow_last":`)
	if c.take(`,"serflow_remaining_ns":`) {
		p.Remaining = c.number("")
	}
	p.Keep = c.take(`,"serflow_keep":true`)
	if c.take(`,"serflow_exits":`) {
		p.Exits = c.text("")
	}
	if c.take(`,"serflow_asked":`) {
		p.Asked = c.text("")
	}
	p.Idle = c.take(`,"serflow_idle":true`)
	if c.take(`,"serflow_states":`) {
		p.States = c.text("")
	}
	c.want(`},"inputs":[`)
	h.Inputs.list = c.tensors(l.Tensors)
	return h, c.ends()
}

func canonicalReply(text string, tensors int) (header, bool) {
	c := canonical{rest: text}
	h := newHeader(tensors)
	p := &h.Parameters
	h.Model = c.text(`{"model_name":`)
	h.ID = c.text(`,"id":`)
	p.Service = c.number(`,"parameters":{"serflow_version":1,"serflow_service_ns":`)
	p.Version = versionText
	if c.take(`,"serflow_stage_ns":`) {
		p.Times = c.text("")
	}
	p.Load = c.int(`,"serflow_load":`)
	p.Parts = c.text(`,"serflow_parts":`)
	if c.take(`,"serflow_seen":`) {
		p.Seen = c.text("")
	}
	c.want(`},"outputs":[`)
	h.Outputs.list = c.tensors(tensors)
	return h, c.ends()
}

// tensors reads an array, whose bracket has been read, of at most limit tensors.
func (c *canonical) tensors(limit int) []tensorHeader {
	if c.take("]") {
		return nil
	}
	list := make([]tensorHeader, 0, min(limit, strings.Count(c.rest, `{"name":`)))
	for key := `{"name":`; len(list) < limit && !c.odd; key = `,{"name":` {
		t := newTensorHeader()
		t.Name = c.text(key)
		t.Shape = c.shape()
		t.DataType = c.text(`,"datatype":`)
		t.Parameters.Size = c.number(`,"parameters":{"binary_data_size":`)
		if c.take(`,"serflow_part":`) {
			t.Parameters.Part = c.int("")
		}
		c.want(`}}`)
		list = append(list, t)
		if c.take("]") {
			return list
		}
	}
	c.odd = true
	return nil
}

func (c *canonical) shape() dims {
	inside, _, _ := strings.Cut(c.rest, "]")
	n := strings.Count(inside, ",")
	if n > maxDims {
		c.odd = true
	}
	shape := make(dims, 0, min(n, maxDims))
	for key := `,"shape":[`; !c.odd; key = "," {
		shape = append(shape, c.number(key))
		if c.take("]") {
			return shape
		}
	}
	return nil
}

// ends tells whether only padding is left of a header that was not odd.
func (c *canonical) ends() bool {
	c.want("}")
	return !c.odd && strings.Trim(c.rest, " ") == ""
}

// take reads the text if it is next.
func (c *canonical) take(text string) (ok bool) {
	c.rest, ok = strings.CutPrefix(c.rest, text)
	return ok
}

// want reads the text, without which the header is odd.
func (c *canonical) want(text string) {
	if !c.take(text) {
		c.odd = true
	}
}

// text reads a key and a string that needs no escapes.
func (c *canonical) text(key string) string {
	c.want(key)
	c.want(`"`)
	for i := range len(c.rest) {
		b := c.rest[i]
		if b == '"' {
			s := c.rest[:i]
			c.rest = c.rest[i+1:]
			return s
		}
		if b < ' ' || b > '~' || b == '\\' {
			break
		}
	}
	c.odd = true
	return ""
}

// number reads a key and an integer of at most 18 digits, which cannot overflow.
func (c *canonical) number(key string) (n int64) {
	c.want(key)
	i := 0
	for i < len(c.rest) && i < 18 && '0' <= c.rest[i] && c.rest[i] <= '9' {
		n = n*10 + int64(c.rest[i]-'0')
		i++
	}
	if i == 0 || i > 1 && c.rest[0] == '0' {
		c.odd = true // JSON has no leading zeros
	}
	c.rest = c.rest[i:]
	return n
}

func (c *canonical) int(key string) int {
	n := c.number(key)
	if n > math.MaxInt32 {
		c.odd = true
	}
	return int(n)
}
