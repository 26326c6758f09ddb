package scenario_test

import (
	"net/http"
	"testing"
	"testing/fstest"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gcustom"
	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

func anything() Expectation {
	return Derived("anything", gcustom.MakeMatcher(func(probe.Evidence) (bool, error) { return true, nil }))
}

// page is a page of one scenario with these steps.
func page(steps ...Step) Page {
	return Page{
		Name: "door", Title: "Opening a door", Upstream: "tasks/door",
		Manifests: fstest.MapFS{"door.yaml": &fstest.MapFile{Data: []byte("kind: Door\n")}},
		Scenarios: []Scenario{{
			ID: "egress/door/open", Title: "The door opens", Doc: Doc{Seed: "002_8b69ceefb7187955.txt", Lines: "1-2"}, Steps: steps,
		}},
	}
}

func TestDryRunUsesItsFile(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Validate(page(Step{Says: "Try the door", Do: DryRun("door.yaml"), Want: []Expectation{anything()}}))).To(Succeed())
	g.Expect(Validate(page(Step{Says: "Try the gate", Do: DryRun("gate.yaml"), Want: []Expectation{anything()}}))).To(MatchError(And(
		ContainSubstring("gate.yaml: file does not exist"),
		ContainSubstring("manifests/door.yaml is applied by no scenario"),
	)))
}

func TestChangesHoldNoPromises(t *testing.T) {
	applied := Step{Says: "Hang the door", Do: Apply("door.yaml")}
	asked := Step{Says: "Look at it", Do: Get("door", "front"), Want: []Expectation{anything()}}
	for name, change := range map[string]Action{
		"install":         Install("values.global.proxy.includeIPRanges=10.96.0.0/16"),
		"install again":   Install(),
		"access log":      AccessLogFile(""),
		"secret":          CreateSecret(key("front-door")),
		"restart":         Restart(Curl),
		"label namespace": LabelNamespace("default", "istio-injection", "enabled"),
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(Validate(page(applied, Step{Says: "Change something", Do: change}, asked))).To(Succeed())
			g.Expect(Validate(page(applied, Step{Says: "Change something", Do: change, Want: []Expectation{anything()}}, asked))).
				To(MatchError(ContainSubstring("a change brings back no evidence")))
		})
	}
}

func key(name string) Secret {
	return Secret{Namespace: "default", Name: name, Content: func() (map[string][]byte, error) { return nil, nil }}
}

func TestSecretsSayWhatTheyHold(t *testing.T) {
	g := NewWithT(t)
	asked := Step{Says: "Open the door", Do: Get("door", "front"), Want: []Expectation{anything()}}
	applied := Step{Says: "Hang the door", Do: Apply("door.yaml")}
	holding := func(s Secret) Page {
		p := page(applied, asked)
		p.Scenarios[0].Needs = []Need{Holding(s)}
		return p
	}
	g.Expect(Validate(holding(key("front-door")))).To(Succeed())
	g.Expect(Validate(holding(key("")))).To(MatchError(ContainSubstring("a secret needs a namespace, a name and what makes its content")))
	empty := Step{Says: "Cut a key", Do: CreateSecret(Secret{Namespace: "default", Name: "front-door"})}
	g.Expect(Validate(page(applied, empty, asked))).To(MatchError(ContainSubstring("step 2 (Cut a key): a secret needs")))
}

func TestPatchUsesItsFile(t *testing.T) {
	g := NewWithT(t)
	asked := Step{Says: "Look at it", Do: Exec(Curl, "ls"), Want: []Expectation{anything()}}
	g.Expect(Validate(page(Step{Says: "Paint the door", Do: Patch("default", "door", JSONPatch, "door.yaml")}, asked))).To(Succeed())
	g.Expect(Validate(page(Step{Says: "Paint the door", Do: Patch("default", "door", "brush", "gate.yaml")}, asked))).To(MatchError(And(
		ContainSubstring(`step 1 (Paint the door): "brush" is no type of a patch`),
		ContainSubstring("gate.yaml: file does not exist"),
	)))
	painted := Step{Says: "Paint the door", Do: Patch("default", "door", StrategicPatch, "door.yaml"), Want: []Expectation{anything()}}
	g.Expect(Validate(page(painted))).To(MatchError(ContainSubstring("a change brings back no evidence")))
}

func TestAScenarioSetsUpWhatItLeaves(t *testing.T) {
	g := NewWithT(t)
	applied, cut := Step{Says: "Hang the door", Do: Apply("door.yaml")}, Step{Says: "Cut a key", Do: CreateSecret(key("front-door"))}
	asked := Step{Says: "Look at it", Do: Get("door", "front"), Want: []Expectation{anything()}}
	leaving := func(left StandingNeed, needs ...Need) Page {
		p := page(applied, asked, cut, Step{Says: "Let it be", Do: Restart(Curl)})
		p.Scenarios[0].Leaves, p.Scenarios[0].Needs = left, needs
		return p
	}
	both := Standing("the door and its key", nil, applied, cut)
	g.Expect(Validate(leaving(both))).To(Succeed(), "what it does after that it takes back")
	g.Expect(Validate(leaving(both, Standing("the wall", nil)))).To(MatchError(ContainSubstring("where something stands already")))
	for _, other := range []StandingNeed{
		Standing("in another order", nil, cut, applied),
		Standing("another key", nil, applied, Step{Do: CreateSecret(key("back-door"))}),
		Standing("more", nil, applied, cut, Step{Do: Restart(Curl)}, Step{Do: Restart(Curl)}),
	} {
		g.Expect(Validate(leaving(other))).To(MatchError(ContainSubstring("do not set up what it leaves standing")), other.Name)
	}
}

// matcher says of itself what a check of pages asks.
type matcher struct {
	types.GomegaMatcher
	negative, refuses     bool
	logs, counters, lists []probe.Peer
}

func (m matcher) Negative() bool         { return m.negative }
func (m matcher) Refuses() bool          { return m.refuses }
func (m matcher) Logs() []probe.Peer     { return m.logs }
func (m matcher) Counters() []probe.Peer { return m.counters }
func (m matcher) Lists() []probe.Peer    { return m.lists }

// A request that is answered, one that is refused, and something that did not happen.
var (
	opens  = matcher{}
	closed = matcher{negative: true, refuses: true}
	absent = matcher{negative: true}
)

// knock asks at a door with one promise or several.
func knock(p probe.Probe, promises ...types.GomegaMatcher) Step {
	step := Step{Says: "Knock", Do: Send(p)}
	for _, m := range promises {
		step.Want = append(step.Want, Derived("it happens", m))
	}
	return step
}

func frontDoor() probe.Probe {
	return probe.Probe{
		From: Curl, Method: "GET", URL: "https://door.example:8443/front", Header: http.Header{"Host": {"door.example"}, "Accept": {"*/*"}},
		Resolve: []string{"door.example:8443:192.0.2.1"}, TLS: probe.TLS{CACert: "ca.crt", Cert: "client.crt", Key: "client.key"}, Proxy: "192.0.2.2:3128",
	}
}

// doors is a page with these steps, which uses its manifest.
func doors(steps ...Step) Page {
	return page(append([]Step{{Says: "Hang the door", Do: Apply("door.yaml")}}, steps...)...)
}

func TestRefusalsAreRecognised(t *testing.T) {
	g := NewWithT(t)
	lone := MatchError(ContainSubstring("a refusal needs a control run, the same request succeeding, in the same scenario"))
	for name, promises := range map[string][]types.GomegaMatcher{
		"a refusal":                           {closed},
		"nothing but absences":                {absent, absent},
		"a refusal beside something else":     {closed, opens},
		"in And":                              {And(closed, opens)},
		"in Or":                               {Or(opens, closed)},
		"in Not":                              {Not(opens)},
		"that something else does not hold":   {opens, Not(opens)},
		"an absence in And":                   {And(absent, absent)},
		"deep inside":                         {And(opens, Or(opens, And(opens, closed)))},
		"an absence that is not there either": {And(Not(opens), absent)},
	} {
		g.Expect(Validate(doors(knock(frontDoor(), promises...)))).To(lone, name)
		g.Expect(Validate(doors(knock(frontDoor(), promises...), knock(frontDoor(), opens)))).To(Succeed(), name)
		g.Expect(Validate(doors(knock(frontDoor(), promises...), knock(frontDoor(), And(opens, closed))))).To(lone, name+", with a refusal as control")
	}
	for name, promises := range map[string][]types.GomegaMatcher{
		"an absence beside an answer": {opens, absent}, "no refusal": {Not(closed)}, "an absence and an answer in And": {opens, And(opens, absent)},
	} {
		g.Expect(Validate(doors(knock(frontDoor(), promises...)))).To(Succeed(), name)
	}
}

func TestAControlIsTheSameRequest(t *testing.T) {
	for name, other := range map[string]func(*probe.Probe){
		"another peer":           func(p *probe.Probe) { p.From = CurlIn("elsewhere") },
		"another method":         func(p *probe.Probe) { p.Method = "POST" },
		"another host":           func(p *probe.Probe) { p.URL = "https://gate.example:8443/front" },
		"another path":           func(p *probe.Probe) { p.URL = "https://door.example:8443/back" },
		"another port":           func(p *probe.Probe) { p.URL = "https://door.example/front" },
		"another scheme":         func(p *probe.Probe) { p.URL = "http://door.example:8443/front" },
		"another Host header":    func(p *probe.Probe) { p.Header = http.Header{"Host": {"gate.example"}, "Accept": {"*/*"}} },
		"another header":         func(p *probe.Probe) { p.Header = http.Header{"Host": {"door.example"}, "Accept": {"text/html"}} },
		"no header":              func(p *probe.Probe) { p.Header = nil },
		"another address":        func(p *probe.Probe) { p.Resolve = []string{"door.example:8443:192.0.2.9"} },
		"no certificate":         func(p *probe.Probe) { p.TLS.Cert, p.TLS.Key = "", "" },
		"another key":            func(p *probe.Probe) { p.TLS.Key = "other.key" },
		"another authority":      func(p *probe.Probe) { p.TLS.CACert = "other.crt" },
		"no check":               func(p *probe.Probe) { p.TLS.Insecure = true },
		"another version of TLS": func(p *probe.Probe) { p.TLS.Max = "1.2" },
		"another proxy":          func(p *probe.Probe) { p.Proxy = "" },
		"another body":           func(p *probe.Probe) { p.Data = "{}" },
		"another line":           func(p *probe.Probe) { p.Typed = "hello" },
		"redirects":              func(p *probe.Probe) { p.Follow = true },
		"HTTP/1.1":               func(p *probe.Probe) { p.HTTP = "1.1" },
	} {
		t.Run(name, func(t *testing.T) {
			p := frontDoor()
			other(&p)
			NewWithT(t).Expect(Validate(doors(knock(frontDoor(), closed), knock(p, opens)))).
				To(MatchError(ContainSubstring("step 2 (Knock): a refusal needs a control run, the same request succeeding")))
		})
	}
	patient := frontDoor()
	patient.Connect, patient.Max, patient.Unmarked = time.Second, time.Minute, true
	NewWithT(t).Expect(Validate(doors(knock(frontDoor(), closed), knock(patient, opens)))).To(Succeed(), "limits are the harness's")
}

// Where the refusal is about the request itself, the step names what about it.
func TestAControlDiffersInWhatTheStepNames(t *testing.T) {
	g := NewWithT(t)
	refused := func(unlike Part, change func(*probe.Probe)) Page {
		p := frontDoor()
		change(&p)
		step := knock(p, closed)
		step.Unlike = unlike
		return doors(step, knock(frontDoor(), opens))
	}
	nobody := func(p *probe.Probe) { p.TLS.Cert, p.TLS.Key = "", "" }
	for part, change := range map[Part]func(*probe.Probe){
		ItsPeer:   func(p *probe.Probe) { p.From = CurlIn("elsewhere") },
		ItsScheme: func(p *probe.Probe) { p.URL = "http://door.example:8443/front" },
		ItsName:   func(p *probe.Probe) { p.URL, p.Resolve = "https://${GATE}:8443/front", nil },
		ItsPort: func(p *probe.Probe) {
			p.URL, p.Resolve = "https://door.example/front", []string{"door.example:443:192.0.2.1"}
		},
		ItsPath:                       func(p *probe.Probe) { p.URL = "https://door.example:8443/back" },
		ItsHost:                       func(p *probe.Probe) { p.Header.Set("Host", "gate.example") },
		ItsProtocol:                   func(p *probe.Probe) { p.HTTP = "1.0" },
		ItsProxy:                      func(p *probe.Probe) { p.Proxy = "" },
		ItsCertificate:                nobody,
		ItsAuthority:                  func(p *probe.Probe) { p.TLS.CACert = "" },
		ItsCertificate | ItsAuthority: func(p *probe.Probe) { p.TLS = probe.TLS{Insecure: true} },
	} {
		page := refused(part, change)
		page.Scenarios[0].Steps = append([]Step{{Says: "The gate", Do: Export("GATE", Get("service", "gate"), "{.spec.clusterIP}")}}, page.Scenarios[0].Steps...)
		g.Expect(Validate(page)).To(Succeed(), part.String())
	}
	g.Expect(Validate(refused(ItsAuthority, nobody))).To(MatchError(ContainSubstring("a request that differs in its authority alone succeeding")))
	g.Expect(Validate(refused(ItsCertificate|ItsHost, nobody))).To(MatchError(ContainSubstring("differs in its Host header and certificate alone")))
	g.Expect(Validate(refused(ItsHost, func(*probe.Probe) {}))).To(MatchError(ContainSubstring("differs in its Host header alone")))

	answered := knock(frontDoor(), opens)
	answered.Unlike = ItsHost
	g.Expect(Validate(doors(answered))).To(MatchError(ContainSubstring("it is no refusal, and names in what it differs from its control run: Host header")))
}

func TestWhatIsWatchedIsJudged(t *testing.T) {
	judging := matcher{logs: []probe.Peer{EgressGateway}}
	counting := matcher{counters: []probe.Peer{EgressGateway}}
	ofTheClient := matcher{logs: []probe.Peer{Curl.Proxy()}, lists: []probe.Peer{Curl.Proxy()}}
	ask := func(watch, count []probe.Peer, promises ...types.GomegaMatcher) error {
		step := knock(frontDoor(), append(promises, opens)...)
		step.Do = SendAction{Probe: frontDoor(), Watch: watch, Count: count}
		return Validate(doors(step))
	}
	gateway := []probe.Peer{EgressGateway}
	g := NewWithT(t)
	g.Expect(ask(gateway, nil, judging)).To(Succeed())
	g.Expect(ask(gateway, nil, And(opens, Or(opens, judging)))).To(Succeed())
	g.Expect(ask(nil, nil, ofTheClient)).To(Succeed(), "the client's own proxy is always watched")
	g.Expect(ask(nil, gateway, counting)).To(Succeed())

	g.Expect(ask(gateway, nil)).To(MatchError(ContainSubstring("the log of istio-proxy of istio-egressgateway.istio-system is watched, and no promise judges it")))
	g.Expect(ask(nil, nil, And(opens, judging))).To(MatchError(ContainSubstring("a promise judges the log of istio-proxy of istio-egressgateway.istio-system, which is not watched")))
	g.Expect(ask(nil, gateway)).To(MatchError(ContainSubstring("the counters of istio-proxy of istio-egressgateway.istio-system are read, and no promise judges them")))
	g.Expect(ask(nil, nil, counting)).To(MatchError(ContainSubstring("a promise judges the counters of istio-proxy of istio-egressgateway.istio-system, which are not read")))
	g.Expect(ask(nil, nil, ofTheClient, Not(ofTheClient))).To(MatchError(ContainSubstring("two promises list the lines of istio-proxy of curl.default")))
}

func TestBoundsSayWhichVersionAndWhy(t *testing.T) {
	for name, c := range map[string]struct {
		bounds []Bound
		says   string // "" is nothing
	}{
		"since":                {[]Bound{{Component: Istio, Since: "1.31", Why: "notes"}}, ""},
		"until":                {[]Bound{{Component: Envoy, Until: "1.39.3", Why: "notes"}}, ""},
		"between":              {[]Bound{{Component: Istio, Since: "1.9", Why: "notes"}, {Component: Istio, Until: "1.31", Why: "notes"}}, ""},
		"of two components":    {[]Bound{{Component: Istio, Since: "1.31", Why: "notes"}, {Component: Kubernetes, Until: "1.31", Why: "notes"}}, ""},
		"an unknown component": {[]Bound{{Component: "istiod", Since: "1.31", Why: "notes"}}, `"istiod" is no component that has a version`},
		"no version":           {[]Bound{{Component: Istio, Why: "notes"}}, "a bound is since or until a version"},
		"no readable version":  {[]Bound{{Component: Istio, Since: "latest", Why: "notes"}}, `the version "latest" of Istio cannot be read`},
		"two on one side":      {[]Bound{{Component: Istio, Since: "1.31", Why: "notes"}, {Component: Istio, Since: "1.32", Why: "notes"}}, "Istio is bound twice on one side"},
		"no reason":            {[]Bound{{Component: Istio, Since: "1.31"}}, "a bound needs the release note or the report that tells it"},
		"nothing between":      {[]Bound{{Component: Istio, Since: "1.31", Until: "1.31.0", Why: "notes"}}, "nothing lies since Istio 1.31 and until 1.31.0"},
		"the wrong way round":  {[]Bound{{Component: Istio, Since: "1.31", Why: "notes"}, {Component: Istio, Until: "1.9", Why: "notes"}}, "nothing lies since Istio 1.31 and until 1.9"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			bound := page(Step{Says: "Try the door", Do: DryRun("door.yaml"), Want: []Expectation{anything()}})
			ofScenario := bound
			ofScenario.Scenarios = []Scenario{bound.Scenarios[0]}
			ofScenario.Scenarios[0].Bounds = c.bounds
			bound.Scenarios[0].Steps[0].Want[0].Bounds = c.bounds
			for _, p := range []Page{bound, ofScenario} {
				g.Expect(p.HasBounds()).To(BeTrue())
				if c.says == "" {
					g.Expect(Validate(p)).To(Succeed())
				} else {
					g.Expect(Validate(p)).To(MatchError(ContainSubstring(c.says)))
				}
			}
		})
	}
	g := NewWithT(t)
	g.Expect(page(Step{Says: "Try the door", Do: DryRun("door.yaml"), Want: []Expectation{anything()}}).HasBounds()).To(BeFalse())
	refined := Derived("it holds", nil, Since(Istio, "1.31", "since"), Until(Envoy, "1.40", "until"))
	g.Expect(refined.Bounds).To(Equal([]Bound{{Component: Istio, Since: "1.31", Why: "since"}, {Component: Envoy, Until: "1.40", Why: "until"}}))
	g.Expect(Bound{Component: Istio, Since: "1.31", Until: "1.32", Why: "istio#1"}.String()).To(Equal("since Istio 1.31 until Istio 1.32: istio#1"))
}
