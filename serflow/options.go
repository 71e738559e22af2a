package serflow

import (
	"log/slog"
	"reflect"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// On serves the model on virtual machines and cloud functions; either may be nil. It needs
// an Owner, and Limits if there are VMs. The options below count only with it.
//
// Open makes the functions, calls each once, launches VMs, and returns when every stage is
// served somewhere: give it a context that ends. If it fails, it ends the VMs that it has launched, unless a Credential
// lets the next Open adopt them; functions stay, and cost nothing while nobody calls them.
func On(vms providers.VMs, functions providers.Functions) Option {
	return func(p *Pipeline) {
		p.rental.on, p.rental.vms, p.rental.functions = true, nil, nil
		if !isNil(vms) {
			p.rental.vms = vms
		}
		if !isNil(functions) {
			p.rental.functions = functions
		}
	}
}

// isNil tells whether an interface holds nothing, or a pointer to nothing.
func isNil(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil()
}

// Owner names whose VMs and functions they are. Open ends what it finds under the name and
// does not want, so a service of the same owner that runs already would lose what it has, once: what
// either launches from then on the other leaves alone, and says so in the Log.
func Owner(name string) Option { return func(p *Pipeline) { p.rental.owner = name } }

// Credential is the secret that workers ask of their callers, of at least 16 visible
// characters. A pipeline that is opened with that of the one before it, and the same model
// and owner, adopts its VMs and functions. By default each Open makes one of its own, and
// replaces what it finds.
func Credential(secret string) Option { return func(p *Pipeline) { p.rental.credential = secret } }

// Limits are hard: nothing is launched that would exceed one. Open refuses those that leave
// no room for a VM of some group of the plan, and logs a warning if there is room for some of
// its VMs only. The limit of a day counts what earlier runs have spent if there is a State.
func Limits(l provisioner.Limits) Option { return func(p *Pipeline) { p.rental.limits = l } }

// SLO is the time within which requests are to be answered: a VM hands back what it would
// finish too late, and a request that has no earlier deadline of its own ends in ErrDeadline
// when it is over. Default: none.
func SLO(d time.Duration) Option { return func(p *Pipeline) { p.rental.slo = d } }

// Plan says what to rent for which stages. Default: one VM of the cheapest offer and the
// cheapest function, each for the whole model; and batches of up to 16 rows on the VM where its Times say
// that they pay.
func Plan(plan provisioner.Plan) Option { return func(p *Pipeline) { p.rental.plan = &plan } }

// Times says how long the model's stages take on an offer, by its name, as package profile
// has measured them. Default: a full pass takes a fifth of the SLO, or 100 ms; replies
// correct what is expected of a place.
func Times(offer string, t profile.Times) Option {
	return func(p *Pipeline) {
		if p.rental.times == nil {
			p.rental.times = map[string]profile.Times{}
		}
		p.rental.times[offer] = t
	}
}

// Network says what it takes to reach VMs and functions. Default: 0.2 and 2 ms each way.
func Network(n provisioner.Network) Option { return func(p *Pipeline) { p.rental.network = n } }

// Patience is how long the providers of VMs are waited for.
func Patience(w provisioner.Patience) Option { return func(p *Pipeline) { p.rental.patience = w } }

// Heartbeat is how often each VM is asked whether it is well, and told that its owner is;
// default 2 s, at most 10 min. It has as long to answer, and a second at least; one that three
// times in a row does not answer, or says that a stage of its is stuck, is ended and replaced.
//
// A stage is stuck if it has run on one batch for 20 times as long as a full pass seldom
// exceeds by Times, as long as the SLO, and 10 s at least; for a minute if neither is given.
func Heartbeat(every time.Duration) Option { return func(p *Pipeline) { p.rental.heartbeat = every } }

// Artifacts are what VMs and functions run, as their providers name it: a path, bundle or
// image. Default: what the provider runs by itself, if it does.
func Artifacts(vm, function string) Option {
	return func(p *Pipeline) { p.rental.artifacts = [2]string{vm, function} }
}

// Log is told what is rented and ended, and why; and of exits that change and drift, in process
// too. Default: nothing is logged.
func Log(l *slog.Logger) Option { return func(p *Pipeline) { p.rental.log = l } }
