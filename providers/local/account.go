package local

import "time"

// Account is what has been used and what it costs.
type Account struct {
	VMs       int           // launched
	Lived     time.Duration // by all VMs together, until they ended or now
	VMDollars float64       // for as long as they have lived

	Calls           int // of functions, that have ended
	Cold            int // of these, waited for a process to start
	Throttled       int // calls refused
	FunctionDollars float64
}

// Account says what has been used until now.
func (p *Provider) Account() Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.account
	for _, vm := range p.vms {
		a.bill(vm)
	}
	return a
}

// bill adds the life of a VM, until it was told to end, ended by itself, or now.
func (a *Account) bill(vm *vm) {
	lived := time.Since(vm.Launched)
	if !vm.ended.IsZero() {
		lived = vm.ended.Sub(vm.Launched)
	}
	a.Lived += lived
	a.VMDollars += vm.Offer.Cost(lived)
}

// call adds one call that has ended.
func (a *Account) call(dollars float64, cold bool) {
	a.Calls++
	a.FunctionDollars += dollars
	if cold {
		a.Cold++
	}
}
