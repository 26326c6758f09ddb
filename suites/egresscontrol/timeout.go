package egresscontrol

import (
	"time"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// The waits that the page documents.
const (
	delay = 5 * time.Second // what httpbin.org takes for /delay/5
	limit = 3 * time.Second // the timeout of the virtual service
	// early is how much too soon Envoy may let a timer run out: it counts from when its event loop woke up.
	early = 20 * time.Millisecond
)

// delayed is the page's request: `time curl -o /dev/null -s -w "%{http_code}\n" http://httpbin.org/delay/5`, which takes about as long as wait.
func delayed(wait time.Duration) Action {
	return SendAction{Probe: probe.Probe{From: Curl, URL: "http://httpbin.org/delay/5"}, Limit: Measured, Wait: wait}
}

func timeout() Scenario {
	return Scenario{
		ID:    "egress/egress-control/timeout",
		Title: "A VirtualService sets a timeout on an external host",
		Doc:   told("147-161, 187"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Outbound(RegistryOnly)},
		Steps: []Step{
			{Says: "The service entry for httpbin.org is in place", Do: Apply("http/serviceentry.yaml")},
			{
				Says: "Send a request to the /delay path of httpbin.org from the test pod; it returns 200 after about 5 s",
				Do:   delayed(delay),
				Want: []Expectation{
					Documented("it returns 200", HaveStatus(200)),
					Documented("after about 5 s", TakeBetween(delay, delay+1500*time.Millisecond)),
					Derived("the sidecar reached httpbin.org", LoggedBy(Curl.Proxy(), Line{Path: "/delay/5", Code: 200, UpstreamCluster: httpbinCluster})),
				},
			},
			{Says: "Set a timeout of 3 s for the external service httpbin.org", Do: Apply("timeout/virtualservice.yaml")},
			{
				Says: "Access the service again: the access times out",
				Do:   delayed(limit),
				Want: []Expectation{
					Documented("it returns 504", HaveStatus(504)),
					Documented("after about 3 s", TakeBetween(limit-early, limit+time.Second)),
					Derived("the sidecar's timeout for upstream requests was over", LoggedBy(Curl.Proxy(), Line{
						Path: "/delay/5", Code: 504, Flags: "UT", UpstreamCluster: httpbinCluster,
					})),
					Derived("the sidecar says so", HaveBody("upstream request timeout")),
					Derived("httpbin.org had received the request", ArriveAt("httpbin.org:80", Arrival{Plain: true, From: Curl, Requests: 1})),
				},
			},
			{
				Says: "A request that takes less than 3 s is not cut",
				Do:   Send(headersFrom(Curl)),
				Want: answered("it returns 200"),
			},
		},
	}
}
