// Package providertest shows that a provider keeps the promises of package providers. Every
// provider of Serflow passes it, and so should an adapter of your own: the control loop spends
// money on the strength of these promises.
//
// # An adapter of your own
//
// An adapter implements providers.VMs, providers.Functions, or both; the other may come from
// another provider. Package example, below this one, is a whole one for VMs. In the order in
// which they matter:
//
//   - A token launches once. Hand it to the cloud if that has idempotent calls, else look for
//     the token's VMs before you launch. Callers may ask at the same time.
//   - Tag VMs in the call that launches them: with owner, token, offer, stages and artifact. A
//     VM that is tagged later is one that nobody owns if you crash in between. List must give
//     back what the tags say, also of VMs that another process has launched, from every page.
//   - Owners are compared exactly. Look out for wildcards in the cloud's filters.
//   - Wrap what the cloud answers with the sentinel that tells the caller what to do. Only what
//     providers.Refused reports means that nothing was done; a server error, a time-out and a
//     lost connection do not, so they are providers.ErrUnavailable or the context's error.
//     Retries within a client library count too: if one of them may have done it, you do not know.
//   - End and Remove what has gone, or never was, without an error.
//   - Look at the context before you begin. Return when it is over.
//   - Setup holds a secret: let it be in no tag, list, log or error.
//   - Bill what the cloud bills: Invocation.Billed comes from the cloud, with initialisation. If Ensure calls
//     functions to warm them, Function.Warmed says what that cost.
//
// Then write a fixture, and call Run from a test:
//
//	func TestConformance(t *testing.T) {
//		providertest.Run(t, func(t *testing.T) providertest.Cloud {
//			server := newFake(t)
//			return providertest.Cloud{VMs: Open(server.URL), Running: server.ids}
//		})
//	}
//
// The more of Cloud the fixture gives, the more is shown; what is not is skipped, as go test -v
// says. Inject is worth most: it has each call fail in each way of package fault, and checks that
// nothing runs that no one owns and that nothing runs twice. A fault that it does not know fails
// the suite, unless Lacks says why. If the fake needs no sockets, RunInBubble spares the waiting.
package providertest
