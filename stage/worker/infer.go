package worker

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
)

// infer answers a call of the protocol.
func (s *server) infer(rw http.ResponseWriter, r *http.Request) {
	arrived := s.now()
	headerLength, err := wire.ParseHeaderLength(r.Header.Get(wire.HeaderLength))
	if err != nil {
		s.refuse(rw, err)
		return
	}
	b, err := s.receive(r)
	if err != nil {
		s.refuse(rw, err)
		return
	}
	defer func() { <-s.calls }()
	n, err := s.compute(r.Context(), arrived, b, b.in, headerLength)
	if err != nil {
		s.refuse(rw, err) // a batch that nobody waits for may still read the body: it is not used again
		return
	}
	s.send(rw, b.out, n)
	s.release(b)
}

// programBegun is when this process began, but for what its runtime and the packages below took.
var programBegun = time.Now()

// invoke is infer for carriers that know neither headers nor a status: both are in a frame.
func (s *server) invoke(rw http.ResponseWriter, r *http.Request) {
	arrived := s.now()
	if !s.invoked.Swap(true) {
		rw.Header().Set(launch.InitHeader, strconv.FormatInt(int64(s.begun.Sub(programBegun)), 10))
	}
	b, err := s.receive(r)
	if err != nil {
		s.refuseInFrame(rw, err)
		return
	}
	defer func() { <-s.calls }()
	answer, err := s.frame(r.Context(), arrived, b, b.in)
	if err != nil {
		s.refuseInFrame(rw, err)
		return // and the body is not used again, as in infer
	}
	s.send(rw, answer, -1)
	s.release(b)
}

// frame answers a request in a frame with another, which is not of the buffers' memory.
func (s *server) frame(ctx context.Context, arrived time.Duration, b *buffers, in []byte) ([]byte, error) {
	n, body, err := wire.Unpack(in)
	if err == nil {
		n, err = s.compute(ctx, arrived, b, body, n)
	}
	if err != nil {
		return nil, err
	}
	return wire.Pack(n, b.out), nil
}

// compute answers a body with what it puts into out, and the length of its header.
func (s *server) compute(ctx context.Context, arrived time.Duration, b *buffers, body []byte, headerLength int) (int, error) {
	req, err := wire.DecodeRequest(body, headerLength, wire.Limits{})
	if err != nil {
		return 0, err
	}
	c, err := s.answer(ctx, arrived, &req)
	if err != nil {
		return 0, err
	}
	if b.out, headerLength, err = s.encode(b.out[:0], &req, c); err != nil {
		return 0, err
	}
	if len(b.out) > s.limits.body {
		return 0, fault(wire.TooLarge, "the answer has %d bytes: at most %d are sent; send fewer rows at once", len(b.out), s.limits.body)
	}
	return headerLength, nil
}

func (s *server) encode(out []byte, r *wire.Request, c *call) ([]byte, int, error) {
	if r.Plain {
		outputs, err := s.plainReply(c, r.Outputs)
		if err != nil {
			return out, 0, err
		}
		return wire.EncodePlainReply(out, r.ID, s.stages.Model.Name, outputs, r.BinaryOutput)
	}
	reply, err := s.reply(c)
	if err != nil {
		return out, 0, err
	}
	reply.ID = r.ID
	return wire.EncodeReply(out, reply)
}
