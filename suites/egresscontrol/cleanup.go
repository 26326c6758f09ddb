package egresscontrol

import (
	"time"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

func cleanupRestoresBlocking() Scenario {
	entries := DeleteAction{
		Namespace: "default",
		Objects:   []ObjectRef{{Resource: "serviceentry", Name: "httpbin-ext"}, {Resource: "serviceentry", Name: "google"}},
	}
	rule := DeleteAction{
		Namespace: "default", IgnoreNotFound: true,
		Objects: []ObjectRef{{Resource: "virtualservice", Name: "httpbin-ext"}},
	}
	gone := func(says string) []Expectation { return []Expectation{Derived(says, BeGone())} }
	return Scenario{
		ID:    "egress/egress-control/cleanup-restores-blocking",
		Title: "Deleting the entries restores the block",
		Doc:   told("162-164"),
		Needs: []Need{Workload(Curl), Site("httpbin.org"), Site("www.baidu.com"), Outbound(RegistryOnly)},
		Notes: []string{"The blog deletes a service entry of the name google, though it opened www.baidu.com; here the entry for www.baidu.com has that name."},
		Steps: []Step{
			{Says: "The service entries and the virtual service are in place", Do: Apply("http/serviceentry.yaml", "https/serviceentry.yaml", "timeout/virtualservice.yaml")},
			{Says: "Before the clean-up, httpbin.org answers", Do: Send(headersFrom(Curl)), Want: answered("it is reached")},
			{Says: "Before the clean-up, www.baidu.com answers", Do: Send(headOf("www.baidu.com")), Want: answered("it is reached")},
			{Says: "Before the clean-up the virtual service is there", Do: Get("virtualservice", "httpbin-ext"), Want: []Expectation{Derived("it is found", HaveExit(0))}},
			{Says: "Delete the service entries", Do: entries},
			{Says: "Delete the virtual service, if there is one", Do: rule},
			{Says: "The virtual service is gone", Do: Get("virtualservice", "httpbin-ext"), Want: gone("it is not found")},
			{
				Says:  "Delete it again: there is none, and that does no harm",
				Do:    rule,
				Inert: map[string]string{"": "that it does no harm is what is shown"},
			},
			{Says: "The entry for httpbin.org is gone", Do: Get("serviceentry", "httpbin-ext"), Want: gone("it is not found")},
			{Says: "The entry for www.baidu.com is gone", Do: Get("serviceentry", "google"), Want: gone("it is not found")},
			{Says: "httpbin.org is blocked again", Do: Send(headersFrom(Curl)), Want: httpRefused()},
			{
				Says: "www.baidu.com is blocked again",
				Do:   Send(headOf("www.baidu.com")),
				Want: httpsRefused(Curl, "www.baidu.com", baiduAddress+":443"),
			},
			{Says: "Allow any host", Do: OutboundPolicyAction{Mode: AllowAny}},
			{
				Says: "The 3 s no longer govern httpbin.org",
				Do:   delayed(delay),
				Want: []Expectation{
					Derived("it returns 200", HaveStatus(200)),
					Derived("after about 5 s", TakeBetween(delay, delay+1500*time.Millisecond)),
				},
			},
		},
	}
}
