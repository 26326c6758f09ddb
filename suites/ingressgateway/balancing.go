package ingressgateway

import (
	"time"

	. "github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// How often services are asked, by how many pods they have. A gateway picks each as likely as the others: one of three is left out of 36 requests once
// in 700,000 times, one of two of 16 once in 30,000.
const (
	ofOnePod    = 6
	ofTwoPods   = 16
	ofThreePods = 36
)

// podOf keeps the address of one pod of a service: the "second", or the "first", which is the fixture's and has no such label.
func podOf(variable, app, instance string) Step {
	selector := "app=" + app + ",instance=" + instance
	if instance == "first" {
		selector = "app=" + app + ",!instance"
	}
	pods := GetAction{Resource: "pod", Namespace: store, Selector: selector}
	return Step{Says: "The address of the " + instance + " pod of " + app, Do: Export(variable, pods, "{.items[0].status.podIP}")}
}

// What the client does in the background while a pod goes: it asks ten times a second, for a minute at most, and keeps the status codes.
const (
	keepAsking = `rm -f /tmp/codes /tmp/enough
(n=0; while [ ! -e /tmp/enough ] && [ $n -lt 600 ]; do
  curl -s -o /dev/null -w '%{http_code}\n' -H 'Host: ` + webappHost + `' http://${INGRESS_HOST}/api/catalog; n=$((n+1)); sleep 0.1
done >/tmp/codes; rm -f /tmp/enough) </dev/null >/dev/null 2>&1 &`
	stopAsking = `touch /tmp/enough
n=0; while [ -e /tmp/enough ] && [ $n -lt 50 ]; do sleep 0.1; n=$((n+1)); done
sort /tmp/codes | uniq -c; rm -f /tmp/codes /tmp/enough`
)

// inBackground runs a script in the client.
func inBackground(script string) Action {
	return ExecAction{In: client, Command: []string{"sh", "-c", script}, Limit: Measured}
}

func httpLoadBalancing() Scenario {
	const one, two, three = "${WEBAPP_IP}:8080", "${WEBAPP_SECOND_IP}:8080", "${WEBAPP_THIRD_IP}:8080"
	ask := func(times int) Action {
		return SendAction{Probe: plain(webappHost, "/api/catalog"), Times: times, Watch: []probe.Peer{IngressGateway}}
	}
	answered := func(says string, pods ...string) []Expectation {
		return sold(
			Documented(says, LoggedUpstreams(IngressGateway, pods...)),
			Derived("every request is answered with 200", LoggedBy(IngressGateway, served(webappCluster))),
		)
	}
	steps := []Step{
		address(),
		{
			Says: "webapp and catalog are reachable through the gateway on port 80",
			Do:   apply("hosting/gateway.yaml", "http/virtualservice.yaml", "multihost/virtualservice-catalog.yaml"),
		},
		podOf("WEBAPP_IP", "webapp", "first"),
		{Says: "With one pod of webapp", Do: ask(ofOnePod), Want: answered("all requests are that pod's", one)},
		{Says: "Run two more pods of webapp", Do: apply("balancing/webapp-second.yaml", "balancing/webapp-third.yaml")},
		podOf("WEBAPP_SECOND_IP", "webapp", "second"),
		podOf("WEBAPP_THIRD_IP", "webapp", "third"),
		{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{
				Derived("it knows all three", HaveEndpoints(webappCluster, one, two, three)),
				Derived("and each can take requests", HaveHealthyEndpoints(webappCluster)),
			},
		},
		{Says: "The ingress gateway handles load balancing", Do: ask(ofThreePods), Want: answered("the requests are spread over all three pods", one, two, three)},
		{
			Says: "And virtual-host routing: ask for the other host",
			Do:   Send(plain(catalogHost, "/items"), IngressGateway),
			Want: sold(Documented("it is the catalog's request", LoggedBy(IngressGateway, served(catalogCluster)))),
		},
		{Says: "Ask on and on from now on", Do: inBackground(keepAsking), Want: []Expectation{Derived("the client begins", HaveExit(0))}},
		{Says: "Delete a pod of webapp", Do: remove("balancing/webapp-third.yaml")},
		{
			Says: "What was answered meanwhile",
			Do:   inBackground(stopAsking),
			Want: []Expectation{Derived("while the pod went, dozens of requests were answered with 200, and none otherwise", HavePrinted(Matching(`^ *\d{2,} 200\n$`)))},
		},
		{
			Says: "What the gateway holds now",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{Derived("it knows the two that are left", HaveEndpoints(webappCluster, one, two))},
		},
		{Says: "Ask after the pod is gone", Do: ask(ofTwoPods), Want: answered("the requests are spread over the two that are left", one, two)},
	}
	return Scenario{
		ID:    "ingress/http-load-balancing",
		Title: "HTTP requests are balanced over the pods of a service",
		Doc:   balanced(),
		Needs: needs(),
		Notes: []string{
			"The documents say that the gateway balances the load, and show one pod of each service.",
			"The pod that goes lingers for 3 s, as applications are advised to: without that it can be gone before the gateway knows.",
		},
		Steps: steps,
	}
}

func tcpLoadBalancing() Scenario {
	const one, two = "${ECHO_IP}:2701", "${ECHO_SECOND_IP}:2701"
	brief := telnet(hello)
	brief.Max = 300 * time.Millisecond
	connect := func(times int) Action {
		return SendAction{Probe: brief, Times: times, Watch: []probe.Peer{IngressGateway}, Limit: TimesOut}
	}
	steps := append([]Step{address()}, echoThroughGateway()...)
	steps = append(steps,
		podOf("ECHO_IP", "tcp-echo", "first"),
		Step{Says: "Run a second pod of the TCP server", Do: apply("balancing/tcp-echo-second.yaml")},
		podOf("ECHO_SECOND_IP", "tcp-echo", "second"),
		Step{
			Says: "What the gateway holds",
			Do:   Inspect(IngressGateway),
			Want: []Expectation{Derived("it knows both", HaveEndpoints(echoCluster, one, two))},
		},
		Step{
			Says: "The ingress gateway handles load balancing of TCP as well",
			Do:   connect(ofTwoPods),
			Want: append(heard(hello), Documented("the connections are spread over both pods", LoggedUpstreams(IngressGateway, one, two))),
		},
		Step{Says: "Delete the second pod", Do: remove("balancing/tcp-echo-second.yaml")},
		Step{
			Says: "Connect after the pod is gone",
			Do:   connect(ofOnePod),
			Want: append(heard(hello), Documented("all connections are those of the pod that is left", LoggedUpstreams(IngressGateway, one))),
		},
	)
	return Scenario{
		ID:    "ingress/tcp-load-balancing",
		Title: "TCP connections are balanced over the pods of a service",
		Doc:   balanced(),
		Needs: withEcho(),
		Notes: []string{"The documents say that the gateway balances the load, and show one pod of the server."},
		Steps: steps,
	}
}

// balanced is where both documents speak of load balancing.
func balanced() Doc {
	doc := told("1028-1114", tcpTraffic)
	doc.Also = []Ref{{Seed: "004_5a005b2e8053680e.txt", Lines: "7"}}
	return doc
}
