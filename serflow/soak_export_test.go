package serflow

// InHand is how many requests the balancer takes to be at some place, VM or function.
func (p *Pipeline) InHand() (n int) {
	p.cloud.places.Range(func(id, _ any) bool {
		n += p.cloud.balancer.Serving(id.(placeKey).id)
		return true
	})
	return n
}
