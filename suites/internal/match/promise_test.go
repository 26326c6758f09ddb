package match

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// judged is one promise on one piece of evidence. A miss must have its message, word for word; misuse is a part of the error.
type judged struct {
	promise         types.GomegaMatcher
	on              any
	holds           bool
	failure, unlike string // the failure message, and the negated one
	misuse          string
}

// check judges twice, because a matcher keeps nothing in between.
func check(t *testing.T, cases map[string]judged) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.judge(NewWithT(t))
			c.judge(NewWithT(t))
		})
	}
}

func (c judged) judge(g Gomega) {
	holds, err := c.promise.Match(c.on)
	if c.misuse != "" {
		g.Expect(err).To(MatchError(ContainSubstring(c.misuse)))
		g.Expect(c.promise.FailureMessage(c.on)).To(ContainSubstring(c.misuse))
		g.Expect(c.promise.NegatedFailureMessage(c.on)).To(ContainSubstring(c.misuse))
		return
	}
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(holds).To(Equal(c.holds), c.promise.FailureMessage(c.on))
	if !c.holds { // every miss has its message tested
		g.Expect(c.promise.FailureMessage(c.on)).To(Equal(c.failure))
	}
	if c.unlike != "" {
		g.Expect(c.promise.NegatedFailureMessage(c.on)).To(Equal(c.unlike))
	}
}

var (
	curl    = probe.Peer{Namespace: "default", Workload: "curl", Container: "curl"}
	gateway = probe.Peer{Namespace: "istio-system", Workload: "istio-egressgateway", Container: probe.SidecarContainer}
)

// answer is evidence of a request that a site answered.
func answer(code int, body string) probe.Evidence {
	return probe.Evidence{
		Command: []string{"curl", "-sS", "http://edition.cnn.com/politics"}, Stdout: body, Size: int64(len(body)),
		Hops:   []probe.Response{{Protocol: "HTTP/1.1", Code: code, Reason: http.StatusText(code), Header: http.Header{}}},
		Timing: probe.Timing{Total: 20 * time.Millisecond}, Remote: netip.MustParseAddrPort("10.96.0.7:443"),
		Vars: map[string]string{"CLUSTER_IP": "10.96.0.7"},
	}
}

// failed is evidence of a request that curl gave up.
func failed(exit int, text string) probe.Evidence {
	return probe.Evidence{Exit: exit, Stderr: "* Trying\n" + text + "\n", Timing: probe.Timing{Total: time.Millisecond}}
}

// said adds a transcript.
func said(e probe.Evidence, lines ...string) probe.Evidence {
	e.Stderr = strings.Join(lines, "\n") + "\n"
	return e
}

func TestPromisesTeachTheirUse(t *testing.T) {
	check(t, map[string]judged{
		"not evidence": {
			promise: HaveStatus(200), on: "200",
			misuse: "HaveStatus(200) judges a probe.Evidence, what a step brought back, and was given a string",
		},
		"a request's promise under a Get": {
			promise: HaveStatus(200), on: probe.Evidence{Table: &probe.Table{}},
			misuse: "HaveStatus(200) judges the answer to a request (Send), and this step's evidence is what kubectl shows (Get): " +
				"put the promise under the step that asks for it",
		},
		"a Get's promise under a request": {
			promise: BeGone(), on: answer(404, "not found"),
			misuse: "BeGone() judges what kubectl shows (Get), and this step's evidence is the answer to a request (Send)",
		},
		"a proxy's promise under a request": {
			promise: HaveCluster("a"), on: answer(200, ""), misuse: `HaveCluster("a") judges a proxy's configuration (Inspect)`,
		},
		"a variable that nobody exported": {
			promise: HaveTitle("${TITLE}"), on: answer(200, ""),
			misuse: `HaveTitle("${TITLE}"): nothing exported ${TITLE} before this step; known are ["CLUSTER_IP"]`,
		},
		"nothing wanted":        {promise: HaveBody(nil), on: answer(200, ""), misuse: "it needs a wanted value"},
		"something unwantable":  {promise: HaveBody([]int{1}), on: answer(200, ""), misuse: "[]int{1} cannot be wanted"},
		"a broken pattern":      {promise: HaveBody(Matching("(")), on: answer(200, ""), misuse: "the regular expression cannot be read"},
		"a matcher for another": {promise: HaveBody(BeNumerically(">", 1)), on: answer(200, ""), misuse: "Expected a number"},
	})
}

func TestWantedValuesInWords(t *testing.T) {
	g := NewWithT(t)
	for words, want := range map[string]any{
		`"10.96.0.7:443"`:             "${CLUSTER_IP}:443",
		"200":                         200,
		"nothing":                     Dash,
		`matching "^10\\.96\\.0\\.7"`: Matching("^${CLUSTER_IP}"),
		`beginning with "curl/"`:      HavePrefix("curl/"),
		`ending with "curl/1"`:        HaveSuffix("curl/%d", 1),
		"not empty":                   Not(BeEmpty()),
	} {
		_, says, err := compare(answer(200, ""), want, "")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(says).To(Equal(words))
	}
	for words, m := range map[string]types.GomegaMatcher{
		`containing "a"`:               ContainSubstring("a"),
		`matching "^a"`:                MatchRegexp("^a"),
		`"a"`:                          Equal("a"),
		"empty":                        BeEmpty(),
		"> 1":                          BeNumerically(">", 1),
		`containing "a" and not empty`: And(ContainSubstring("a"), Not(BeEmpty())),
		`"a" or "b"`:                   Or(Equal("a"), Equal("b")),
		"a value for BeTrue":           BeTrue(),
	} {
		g.Expect(inWords(m)).To(Equal(words))
	}
}

func TestVariablesAreLiteralInPatterns(t *testing.T) {
	e := answer(200, "at 10x96x0x7 now")
	check(t, map[string]judged{
		"a dot is a dot": {
			promise: HaveBody(Matching("^at ${CLUSTER_IP} ")), on: e,
			failure: `wanted body matching "^at 10\\.96\\.0\\.7 ", got 200 OK with body "at 10x96x0x7 now"`,
		},
		"the rest is a pattern": {promise: HaveBody(Matching("^at 10.96.* now$")), on: e, holds: true},
	})
}

func TestIsNegative(t *testing.T) {
	g := NewWithT(t)
	for _, m := range []types.GomegaMatcher{
		HaveExit(35), HaveExit(55, 56), HaveStatus(404), HaveHops(MovedTo("a"), Status(502)), NotLoggedBy(curl), NotArriveAt("a:80"), ArriveAt("a:80", Arrival{Requests: 0}), ArriveAt("a:443", Arrival{Refused: "EOF"}),
		BeGone(), HaveRows(0), HaveTunnel(403), HaveNoCluster("a"), HaveNoClusterFor("a"), HaveNoListener("0.0.0.0", 80), HaveNoSecret("a"),
		HaveNoRoutes("http.80", "a"), HaveEndpoints("a"),
		LoggedBy(curl, Line{Code: 502}), LoggedBy(curl, Line{Flags: []string{"UC"}}), LoggedBy(curl, Line{Failure: ContainSubstring("TLS")}),
		LoggedBy(curl, Line{UpstreamCluster: "BlackHoleCluster"}), LoggedBy(curl, Line{Route: "block_all"}), LoggedBy(curl, Line{Result: "TCP_DENIED/403"}),
		Not(BeAnswered()), And(HaveExit(0), NotLoggedBy(curl)), Or(HaveExit(35), HaveStatus(200)),
	} {
		g.Expect(scenario.IsNegative(m)).To(BeTrue(), inWords(m))
	}
	for _, m := range []types.GomegaMatcher{
		HaveExit(0), HaveExit(0, 56), HaveStatus(301), HaveHops(MovedTo("a"), Status(200)), BeAnswered(), ArriveAt("a:80", Arrival{Requests: 1}), HaveRows(1), HaveTunnel(200),
		HaveNoEchoedHeader("X-B3-*"), HaveNoHeader("Location"), // they need an answer to hold
		LoggedBy(curl, Line{Code: 200, Flags: Dash}), LoggedBy(curl, Line{Code: 301}), HaveCluster("a"), HaveEndpoints("a", "b"),
		Not(HaveExit(35)), And(HaveExit(0), BeAnswered()), Equal(1),
	} {
		g.Expect(scenario.IsNegative(m)).To(BeFalse(), inWords(m))
	}
}

func TestPromisesAreNamedAsPagesWriteThem(t *testing.T) {
	g := NewWithT(t)
	for name, m := range map[string]types.GomegaMatcher{
		"HaveStatus(200)":   HaveStatus(200),
		"HaveExit(55, 56)":  HaveExit(55, 56),
		`HaveTitle("a")`:    HaveTitle("a"),
		"BeAnswered()":      BeAnswered(),
		"TakeAbout(3s, 1s)": TakeAbout(3*time.Second, time.Second),
		`HaveEchoedHeader("Host", Matching("^a"))`:        HaveEchoedHeader("Host", Matching("^a")),
		`HaveHeader("Server", beginning with "istio")`:    HaveHeader("Server", HavePrefix("istio")),
		`HaveHops(301 location="https://a/", then 200)`:   HaveHops(MovedTo("https://a/"), Status(200)),
		`LoggedUpstreams(curl.default, "a:443", "b:443")`: LoggedUpstreams(curl, "a:443", "b:443"),
	} {
		g.Expect(inWords(m)).To(Equal(name))
	}
}
