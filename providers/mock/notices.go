package mock

import (
	"context"

	"github.com/serflow/serflow-go/providers"
)

// Notices sends each notice to every reader.
func (v *VMs) Notices(ctx context.Context) <-chan providers.Notice {
	out := make(chan providers.Notice)
	if v.p.enter(ctx, "notices") != nil {
		close(out)
		return out
	}
	defer v.p.mu.Unlock()
	read := len(v.p.notices)
	v.p.running.Go(func() {
		defer close(out)
		for over := false; !over; {
			read, over = v.p.forward(ctx, read, out)
		}
	})
	return out
}

// forward sends the notices that have not been read, and waits for news. It returns how
// many have been read now, and whether a reader or the provider has gone.
func (p *Provider) forward(ctx context.Context, read int, out chan<- providers.Notice) (int, bool) {
	p.mu.Lock()
	more, news := p.notices[read:], p.news
	p.mu.Unlock()
	for _, n := range more {
		select {
		case out <- n:
			read++
		case <-ctx.Done():
			return read, true
		case <-p.ctx.Done():
			return read, true
		}
	}
	select {
	case <-news:
		return read, false
	case <-ctx.Done():
	case <-p.ctx.Done():
	}
	return read, true
}

// tell gives a notice to all readers.
func (p *Provider) tell(n providers.Notice) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notices = append(p.notices, n)
	close(p.news)
	p.news = make(chan struct{})
}
