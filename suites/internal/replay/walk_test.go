package replay_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gcustom"
	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/replay"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// bed is a make-believe testbed: a door that is open while open.yaml is applied. Each fault breaks one thing about it.
type bed struct {
	applied   []string
	fault     string
	asked     int
	inquiries int
	calls     []string
	unmet     []scenario.Unmet
	lacks     scenario.Capability
	runs      map[scenario.Component]string
	dirty     bool
	incidents []scenario.Incident
	crippled  int // how often it does not become whole
}

func (b *bed) Incidents(known int) []scenario.Incident { return b.incidents[known:] }

// Whole mends what an incident has broken.
func (b *bed) Whole(context.Context) error {
	b.call("whole")
	if b.crippled > 0 {
		return errors.New("the testbed is not whole: istiod: 0 of 1 pods are available")
	}
	b.fault = ""
	return nil
}

func (b *bed) is(fault string) bool { return b.fault == fault }

func (b *bed) call(name string) { b.calls = append(b.calls, name) }

func (b *bed) Prepare(_ context.Context, coming scenario.Coming) error {
	b.call(fmt.Sprintf("prepare %d", len(coming.Needs)))
	if b.is("prepare") {
		return errors.New("no node is Ready")
	}
	return nil
}

func (b *bed) Ensure(context.Context, []scenario.Need) ([]scenario.Unmet, error) {
	if b.is("ignored") {
		return nil, fmt.Errorf("what the scenario needs does not settle: %w", &scenario.NotInForceError{
			Proxies: []string{"istio-proxy of curl.default"}, Why: []string{"has the newest mesh configuration and still sends unknown traffic to PassthroughCluster"},
		})
	}
	if b.is("ensure") {
		return nil, errors.New("no node is Ready")
	}
	return b.unmet, nil
}

func (b *bed) Has(c scenario.Capability) (bool, string) {
	return c != b.lacks, "this proxy is upstream Envoy"
}

func (b *bed) Runs(c scenario.Component) string { return b.runs[c] }

func (b *bed) Change(_ context.Context, _ fs.FS, c scenario.Change, _ scenario.Env) (scenario.Undo, error) {
	apply := c.(scenario.ApplyAction)
	b.call("apply " + apply.Files[0])
	if b.is("rejected") {
		return nil, &scenario.RejectedError{File: apply.Files[0], Object: "ServiceEntry/door", Err: errors.New("spec.hosts: Required value")}
	}
	b.applied = append(b.applied, apply.Files...)
	b.dirty = true
	return func(context.Context) error {
		b.call("undo " + apply.Files[0])
		if b.is("undo") {
			return errors.New("the server is busy")
		}
		b.applied = slices.DeleteFunc(b.applied, func(f string) bool { return slices.Contains(apply.Files, f) })
		b.dirty = true
		return nil
	}, nil
}

// Inject breaks the one thing that the fault is named after.
func (b *bed) Inject(_ context.Context, fault scenario.Fault) (scenario.Undo, error) {
	b.call("inject " + fault.Name)
	if b.is("inject") {
		return nil, errors.New("the server is busy")
	}
	before := b.fault
	b.fault, b.dirty = fault.Name, true
	return func(context.Context) error {
		b.call("take back " + fault.Name)
		if before == "undo" {
			return errors.New("the server is busy")
		}
		b.fault, b.dirty = before, true
		return nil
	}, nil
}

func (b *bed) Settle(context.Context) error {
	b.call("settle")
	b.dirty = false
	if b.is("waiting") {
		return &scenario.NotInForceError{Proxies: []string{"istio-proxy of curl.default"}, Why: []string{"is still warming secret kubernetes://door"}}
	}
	if b.is("settle") {
		return errors.New("istio-proxy of curl.default lacks outbound|80||door")
	}
	return nil
}

func (b *bed) Ask(_ context.Context, asked scenario.Inquiry) ([]probe.Evidence, error) {
	b.inquiries++
	var all []probe.Evidence
	for range asked.Times {
		b.asked++
		switch {
		case b.dirty:
			return nil, errors.New("asked before the configuration had arrived")
		case b.is("transport"), b.is("blip") && b.inquiries == 2:
			return nil, errors.New("the exec stream was cut")
		}
		if _, ok := asked.Question.(scenario.InspectAction); ok {
			return []probe.Evidence{{Stdout: b.fault}}, nil
		}
		if export, ok := asked.Question.(scenario.ExportAction); ok {
			return []probe.Evidence{{Vars: map[string]string{export.Name: "10.96.0.7"}}}, nil
		}
		all = append(all, b.answer(asked.Env))
		if b.is("one by one") {
			break
		}
	}
	return all, nil
}

func (b *bed) answer(env scenario.Env) probe.Evidence {
	e := probe.Evidence{
		Command: []string{"curl", "-sS", "http://door/"}, Vars: env, Stdout: "welcome",
		Hops: []probe.Response{{Protocol: "HTTP/1.1", Code: 502}},
		Logs: map[probe.Peer][]probe.LogLine{scenario.Curl.Proxy(): {{Route: "block_all"}}},
	}
	if slices.Contains(b.applied, "open.yaml") {
		e.Hops[0].Code = 200
		e.Logs[scenario.Curl.Proxy()][0].Route = "door"
	}
	switch {
	case b.is("status"), b.is("wobble") && b.asked%3 == 0 && b.asked < 9:
		e.Hops[0].Code = 404
	case b.is("body"):
		e.Stdout = "go away"
	case b.is("log"):
		e.Logs = nil
	}
	return e
}

func (b *bed) Leave(_ context.Context, name string, undo []scenario.Undo) (scenario.Baseline, error) {
	b.call(fmt.Sprintf("leave %s, %d to undo", name, len(undo)))
	if b.is("leave") {
		return nil, errors.New("the server is busy")
	}
	return state{b, b.applied}, nil
}

func (b *bed) TakeDown(context.Context) error {
	b.call("take down")
	if b.is("take down") {
		return errors.New("the server is busy")
	}
	return nil
}

func (b *bed) Baseline(context.Context) (scenario.Baseline, error) { return state{bed: b}, nil }

func (b *bed) Diagnose(context.Context, string) error {
	b.call("diagnose")
	return nil
}

// state is what there was; left is what stands since.
type state struct {
	bed  *bed
	left []string
}

func (s state) Leaks(context.Context) ([]string, error) {
	var leaks []string
	for _, f := range s.bed.applied[len(s.left):] {
		leaks = append(leaks, "ServiceEntry default/door of "+f+" is still there")
	}
	return leaks, nil
}

func (s state) Objects(ctx context.Context) ([]string, error) { return s.Leaks(ctx) }

// want makes a matcher of evidence out of a predicate.
func want(what string, ok func(probe.Evidence) bool) types.GomegaMatcher {
	return gcustom.MakeMatcher(func(e probe.Evidence) (bool, error) { return ok(e), nil }).WithMessage(what)
}

func door() (scenario.Page, scenario.Scenario) {
	route := func(name string) types.GomegaMatcher {
		return want("be logged with route "+name, func(e probe.Evidence) bool {
			lines := e.Logs[scenario.Curl.Proxy()]
			return len(lines) > 0 && lines[0].Route == name
		})
	}
	status := func(code int) types.GomegaMatcher {
		return want(fmt.Sprintf("have status %d", code), func(e probe.Evidence) bool { return e.Last().Code == code })
	}
	ask := scenario.Send(probe.Probe{From: scenario.Curl, URL: "http://door/"})
	s := scenario.Scenario{
		ID: "egress/test/door", Title: "A door", Doc: scenario.Doc{Seed: "001_16dac6e7715b5f68.txt", Lines: "1-2"},
		Steps: []scenario.Step{
			{Says: "Knock", Do: ask, Want: []scenario.Expectation{scenario.Derived("it is shut", route("block_all"))}},
			{Says: "Keep the address", Do: scenario.Export("CLUSTER_IP", scenario.Get("service", "door"), "{.spec.clusterIP}")},
			{Says: "Open it", Do: scenario.Apply("open.yaml")},
			{Says: "Knock again", Do: ask, Want: []scenario.Expectation{
				scenario.Documented("the status is 200", status(200)),
				scenario.Upstream("somebody says welcome", want("be welcomed", func(e probe.Evidence) bool { return e.Stdout == "welcome" })),
				scenario.Derived("the sidecar logged it", route("door")),
				scenario.Documented("Istio's own header is there", status(200), scenario.Requires(scenario.IstioProxy)),
				scenario.Derived("the address is known", want("know the address", func(e probe.Evidence) bool {
					return e.Vars["CLUSTER_IP"] == "10.96.0.7"
				})),
			}},
		},
	}
	return scenario.Page{Name: "test", Title: "Test", Upstream: "tasks/test", Scenarios: []scenario.Scenario{s}}, s
}

func walk(t *testing.T, b *bed) *reports.Result {
	t.Helper()
	page, s := door()
	result := replay.NewResult(page, s)
	replay.Walker{Bed: b, Evidence: t.TempDir()}.Walk(t.Context(), replay.Turn{Page: page, Scenario: s}, result)
	return result
}

func broken(r *reports.Result) []string {
	var says []string
	for _, step := range r.Steps {
		for _, e := range step.Expectations {
			if e.Verdict == reports.Failed {
				says = append(says, e.Says)
			}
		}
	}
	return says
}

func TestAPassedScenarioAsksThreeTimesAndLeavesNothing(t *testing.T) {
	g := NewWithT(t)
	b := &bed{}
	r := walk(t, b)
	g.Expect(r.Verdict).To(Equal(reports.Passed), replay.Explain(r))
	g.Expect(r.Reason).To(BeEmpty())
	g.Expect(b.calls).To(Equal([]string{"apply open.yaml", "settle", "undo open.yaml", "take down", "settle"}))
	g.Expect(r.Steps[0].Attempts).To(Equal(3))
	g.Expect(r.Steps[1].Attempts).To(Equal(1))
	g.Expect(r.Steps[3].Attempts).To(Equal(3))
	g.Expect(r.Steps[3].Command).To(ContainSubstring("curl -sS http://door/"))
}

// A testbed that cannot tell the evidence of several attempts apart is asked as often as it takes.
func TestAttemptsAreAskedForTogether(t *testing.T) {
	g := NewWithT(t)
	together, single := &bed{}, &bed{fault: "one by one"}
	for _, b := range []*bed{together, single} {
		r := walk(t, b)
		g.Expect(r.Verdict).To(Equal(reports.Passed))
		g.Expect(r.Steps[3].Attempts).To(Equal(3))
		g.Expect(b.asked).To(Equal(7))
	}
	g.Expect(together.inquiries).To(Equal(3))
	g.Expect(single.inquiries).To(Equal(7))
}

func TestEveryPromiseBrokenOnceTurnsExactlyThatPromiseRed(t *testing.T) {
	for fault, says := range map[string][]string{
		"status": {"the status is 200", "Istio's own header is there"},
		"body":   {"somebody says welcome"},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			b := &bed{fault: fault}
			r := walk(t, b)
			g.Expect(r.Verdict).To(Equal(reports.Failed))
			g.Expect(broken(r)).To(Equal(says))
			g.Expect(b.calls).To(ContainElement("diagnose"))
			g.Expect(b.calls).To(ContainElement("undo open.yaml"))
			g.Expect(replay.Explain(r)).To(And(
				ContainSubstring("Knock again (walk_test.go:"),
				ContainSubstring(says[0]), ContainSubstring("curl -sS http://door/"),
				ContainSubstring("make e2e SCENARIO=egress/test/door")))
		})
	}
	t.Run("log", func(t *testing.T) {
		t.Parallel()
		r := walk(t, &bed{fault: "log"})
		NewWithT(t).Expect(broken(r)).To(Equal([]string{"it is shut", "the sidecar logged it"}))
	})
}

func TestWhatCouldNotBeAskedIsInconclusive(t *testing.T) {
	g := NewWithT(t)
	r := walk(t, &bed{fault: "transport"})
	g.Expect(r.Verdict).To(Equal(reports.Inconclusive))
	g.Expect(r.Reason).To(ContainSubstring("could not ask (3 attempts): the exec stream was cut"))
	g.Expect(r.Steps[3].Verdict).To(Equal(reports.NotRun))

	g.Expect(walk(t, &bed{fault: "blip"}).Verdict).To(Equal(reports.Passed), "one lost attempt is asked again")
	g.Expect(walk(t, &bed{fault: "settle"}).Verdict).To(Equal(reports.Inconclusive))

	r = walk(t, &bed{fault: "ensure"})
	g.Expect(r.Verdict).To(Equal(reports.Inconclusive))
	g.Expect(r.Reason).To(ContainSubstring("no node is Ready"))
}

func TestWhatIsKnownOfTheScenariosToCome(t *testing.T) {
	g := NewWithT(t)
	page, s := door()
	page.Scenarios = nil
	past, next, last := scenario.Page{Name: "past"}, scenario.Page{Name: "next", Title: "A"}, scenario.Page{Name: "last", Title: "B"}
	run := &replay.Run{Selected: func(id string) bool { return id != "egress/test/c" }}
	for _, name := range []string{"a", "b", "c"} {
		s.ID, s.Needs = "egress/test/"+name, []scenario.Need{scenario.Site(name)}
		page.Scenarios = append(page.Scenarios, s)
	}
	a, b := scenario.Site("a"), scenario.Site("b")
	g.Expect(replay.Coming(run, page, page.Scenarios[0])).To(Equal(&scenario.Coming{
		Begins: true, Needs: []scenario.Need{a, b}, After: []scenario.Need{b},
	}), "what is not selected needs nothing")
	past.Scenarios, next.Scenarios, last.Scenarios = page.Scenarios[:1], page.Scenarios[1:], page.Scenarios[:2]
	run.Pages = []scenario.Page{past, last, page, next}
	g.Expect(replay.Coming(run, past, past.Scenarios[0])).To(Equal(&scenario.Coming{
		Begins: true, Needs: []scenario.Need{a}, Next: []scenario.Need{b},
	}), "the last of a page knows what the next page needs")
	g.Expect(replay.Coming(run, page, page.Scenarios[1])).To(Equal(&scenario.Coming{
		Needs: []scenario.Need{b}, Next: []scenario.Need{b},
	}), "a page begins once")
	installing := page.Scenarios[1]
	installing.Needs = []scenario.Need{scenario.Installed("values.global.proxy.includeIPRanges=10.0.0.0/8")}
	g.Expect(replay.Coming(run, page, installing).Next).To(BeEmpty(), "what starts meanwhile would get that installation's sidecars")
	installing.Needs, installing.Steps = nil, []scenario.Step{{Do: scenario.Install("values.global.proxy.includeIPRanges=10.0.0.0/8")}}
	g.Expect(replay.Coming(run, page, installing).Next).To(BeEmpty())
	g.Expect(replay.Coming(&replay.Run{}, page, page.Scenarios[0])).To(BeNil(), "nobody knows what is selected")
}

func TestSecretsOfSelectedScenariosAreMade(t *testing.T) {
	g := NewWithT(t)
	made := map[string]int{}
	holding := func(name string) scenario.Secret {
		return scenario.Secret{Name: name, Content: func() (map[string][]byte, error) {
			made[name]++
			return nil, errors.New("no entropy")
		}}
	}
	page, s := door()
	s.Needs, s.Steps = []scenario.Need{scenario.Holding(holding("needed"))}, []scenario.Step{{Do: scenario.CreateSecret(holding("created"))}}
	other := s
	other.ID, other.Needs = "egress/test/other", []scenario.Need{scenario.Holding(holding("other"))}
	page.Scenarios = []scenario.Scenario{s, other}
	run := &replay.Run{Selected: func(id string) bool { return id == s.ID }, Pages: []scenario.Page{page}}
	run.MakeSecrets()
	g.Expect(made).To(Equal(map[string]int{"needed": 1, "created": 1}))
}

func TestWhatCannotBePreparedIsLeftToEnsure(t *testing.T) {
	g := NewWithT(t)
	page, s := door()
	b := &bed{fault: "prepare"}
	result := replay.NewResult(page, s)
	turn := replay.Turn{Page: page, Scenario: s, Coming: &scenario.Coming{Needs: []scenario.Need{scenario.Site("a")}}}
	replay.Walker{Bed: b}.Walk(t.Context(), turn, result)
	g.Expect(b.calls[0]).To(Equal("prepare 1"))
	g.Expect(result.Verdict).To(Equal(reports.Passed))
	g.Expect(result.Notes).To(ConsistOf(ContainSubstring("no node is Ready")))
}

func TestWhatStoodIsTakenDownLast(t *testing.T) {
	g := NewWithT(t)
	b := &bed{}
	g.Expect(walk(t, b).Verdict).To(Equal(reports.Passed))
	g.Expect(b.calls[len(b.calls)-3:]).To(HaveExactElements(HavePrefix("undo "), Equal("take down"), Equal("settle")))

	r := walk(t, &bed{fault: "take down"})
	g.Expect(r.Verdict).To(Equal(reports.Inconclusive))
	g.Expect(r.Reason).To(Equal("the way back is incomplete: the server is busy"))
}

// What the page leaves standing is handed over as soon as it is set up, where a scenario to come needs it.
func TestWhatAScenarioLeavesIsHandedOver(t *testing.T) {
	leave := func(b *bed, after ...scenario.Need) *reports.Result {
		page, s := door()
		s.Leaves = scenario.Standing("the open door", nil, scenario.Step{Do: scenario.Apply("open.yaml")})
		result := replay.NewResult(page, s)
		turn := replay.Turn{Page: page, Scenario: s, Coming: &scenario.Coming{After: after}}
		replay.Walker{Bed: b}.Walk(t.Context(), turn, result)
		return result
	}
	standing := scenario.StandingNeed{Name: "the open door"}

	t.Run("needed", func(t *testing.T) {
		g, b := NewWithT(t), &bed{}
		g.Expect(leave(b, scenario.Site("door"), standing).Verdict).To(Equal(reports.Passed))
		g.Expect(b.calls).To(Equal([]string{"prepare 0", "apply open.yaml", "settle", "leave the open door, 1 to undo", "take down", "settle"}))
	})
	t.Run("needed by nobody", func(t *testing.T) {
		g, b := NewWithT(t), &bed{}
		g.Expect(leave(b, scenario.StandingNeed{Name: "another"}).Verdict).To(Equal(reports.Passed))
		g.Expect(b.calls).To(Equal([]string{"prepare 0", "apply open.yaml", "settle", "undo open.yaml", "take down", "settle"}))
	})
	t.Run("in vain", func(t *testing.T) {
		g, b := NewWithT(t), &bed{fault: "leave"}
		r := leave(b, standing)
		g.Expect(r.Verdict).To(Equal(reports.Inconclusive))
		g.Expect(r.Reason).To(ContainSubstring("leave the open door standing: the server is busy"))
		g.Expect(b.calls).To(ContainElement("undo open.yaml"), "it is still the scenario's to take back")
	})
}

func TestAnAnswerThatWobblesIsFlaky(t *testing.T) {
	g := NewWithT(t)
	r := walk(t, &bed{fault: "wobble"})
	g.Expect(r.Verdict).To(Equal(reports.Flaky))
	g.Expect(replay.Explain(r)).To(ContainSubstring("an attempt before had missed it"))
	i := slices.IndexFunc(r.Steps, func(s *reports.StepResult) bool { return s.Verdict == reports.Flaky })
	g.Expect(string(r.Steps[i].Missed)).To(ContainSubstring("404"), "the attempt that missed is evidence, too")
	g.Expect(string(r.Steps[i].Evidence)).NotTo(ContainSubstring("404"))

	r = walk(t, &bed{fault: "status"})
	g.Expect(r.Steps).To(HaveEach(HaveField("Missed", BeEmpty())), "the last attempt tells the same")
}

func TestARejectedManifestFailsWithTheServersWords(t *testing.T) {
	g := NewWithT(t)
	r := walk(t, &bed{fault: "rejected"})
	g.Expect(r.Verdict).To(Equal(reports.Failed))
	g.Expect(r.Reason).To(ContainSubstring("open.yaml: the API server rejected ServiceEntry/door: spec.hosts: Required value"))
}

func TestWhatNeverComesIntoForceFails(t *testing.T) {
	g := NewWithT(t)
	r := walk(t, &bed{fault: "waiting"})
	g.Expect(r.Verdict).NotTo(Equal(reports.Passed))
	g.Expect(r.Steps[slices.IndexFunc(r.Steps, func(s *reports.StepResult) bool { return s.Error != "" })].Verdict).To(Equal(reports.Failed))
	g.Expect(r.Reason).To(ContainSubstring("not in force: istio-proxy of curl.default: is still warming secret kubernetes://door"))
}

// A mesh that does not act by what a scenario needs is the mesh's answer, not a fault of the testbed.
func TestWhatIsNeededAndIgnoredFails(t *testing.T) {
	g := NewWithT(t)
	r := walk(t, &bed{fault: "ignored"})
	g.Expect(r.Verdict).To(Equal(reports.Failed))
	g.Expect(r.Reason).To(HavePrefix("what the scenario needs is not in force: "))
	g.Expect(replay.Explain(r)).To(ContainSubstring("still sends unknown traffic to PassthroughCluster"))
}

func TestWhatIsLeftBehindFailsTheScenario(t *testing.T) {
	g := NewWithT(t)
	r := walk(t, &bed{fault: "undo"})
	g.Expect(r.Verdict).To(Equal(reports.Failed))
	g.Expect(r.Leaks).To(ConsistOf(ContainSubstring("default/door of open.yaml is still there")))
	g.Expect(r.Reason).To(ContainSubstring("is still there"))
}

func TestAMissingCapabilityIsUnverifiable(t *testing.T) {
	g := NewWithT(t)
	r := walk(t, &bed{lacks: scenario.IstioProxy})
	g.Expect(r.Verdict).To(Equal(reports.Passed), "the other promises were shown")
	g.Expect(r.Steps[3].Expectations[3].Verdict).To(Equal(reports.Unverifiable))
	g.Expect(r.Steps[3].Expectations[3].Reason).To(Equal("this proxy is upstream Envoy"))

	r = walk(t, &bed{unmet: []scenario.Unmet{{Need: scenario.Has(scenario.NetworkPolicyEnforced), Reason: "no CNI enforces NetworkPolicy"}}})
	g.Expect(r.Verdict).To(Equal(reports.Unverifiable))
	g.Expect(r.Reason).To(Equal("no CNI enforces NetworkPolicy"))

	r = walk(t, &bed{unmet: []scenario.Unmet{{Need: scenario.Site("door"), Reason: "door does not answer"}}})
	g.Expect(r.Verdict).To(Equal(reports.Inconclusive), "a fixture that should be there is not a limit of the testbed")
}

// What a version cannot show is unverifiable with the reason; a version that nobody can read is asserted.
func TestAPromiseHoldsForItsVersions(t *testing.T) {
	const why = "istio 1.32, releasenotes/notes/99999.yaml"
	for name, c := range map[string]struct {
		runs   string
		bound  scenario.Refine
		reason string
	}{
		"from it on":            {"1.32.0", scenario.Since(scenario.Istio, "1.32", why), ""},
		"its alpha is one":      {"1.32-alpha.0", scenario.Since(scenario.Istio, "1.32", why), ""},
		"before it":             {"1.31.0-eed52ebb66ad", scenario.Since(scenario.Istio, "1.32", why), "it holds since Istio 1.32, and 1.31.0-eed52ebb66ad runs: " + why},
		"still":                 {"v1.31.9", scenario.Until(scenario.Istio, "1.32", why), ""},
		"no more":               {"1.32.0", scenario.Until(scenario.Istio, "1.32", why), "it held until Istio 1.32, and 1.32.0 runs: " + why},
		"by its patch":          {"1.32.4", scenario.Since(scenario.Istio, "1.32.5", why), "it holds since Istio 1.32.5, and 1.32.4 runs: " + why},
		"two versions run":      {"1.30.8, 1.31.0", scenario.Since(scenario.Istio, "1.32", why), ""},
		"nobody says":           {"", scenario.Since(scenario.Istio, "1.32", why), ""},
		"of no version at all":  {"unknown", scenario.Until(scenario.Istio, "1.32", why), ""},
		"bound by another's":    {"1.31.0", scenario.Since(scenario.Envoy, "1.41", why), ""},
		"and by the component":  {"1.31.0", scenario.Since(scenario.Kubernetes, "1.36", why), "it holds since Kubernetes 1.36, and v1.35.4 runs: " + why},
		"newer than ten minors": {"1.9.0", scenario.Since(scenario.Istio, "1.32", why), "it holds since Istio 1.32, and 1.9.0 runs: " + why},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			page, s := door()
			never := want("be heard", func(probe.Evidence) bool { return false })
			s.Steps[3].Want = []scenario.Expectation{scenario.Documented("nobody hears it", never, c.bound)}
			b := &bed{runs: map[scenario.Component]string{scenario.Istio: c.runs, scenario.Kubernetes: "v1.35.4"}}
			r := replay.NewResult(page, s)
			replay.Walker{Bed: b}.Walk(t.Context(), replay.Turn{Page: page, Scenario: s}, r)
			promise := r.Steps[3].Expectations[0]
			if c.reason == "" {
				g.Expect(promise.Verdict).To(Equal(reports.Failed), "it is asserted")
				return
			}
			g.Expect(promise).To(And(HaveField("Verdict", reports.Unverifiable), HaveField("Reason", c.reason)))
			g.Expect(r.Verdict).To(Equal(reports.Passed), "the other promises were shown")
		})
	}
}

func TestAScenarioMayBeUndocumentedForAVersion(t *testing.T) {
	g := NewWithT(t)
	page, s := door()
	s.Bounds = []scenario.Bound{{Component: scenario.Istio, Since: "1.30", Until: "1.32", Why: "istio#1"}}
	for running, verdict := range map[string]reports.Verdict{
		"1.29.8": reports.Unverifiable, "1.30.0": reports.Passed, "1.31.7": reports.Passed, "1.32.0": reports.Unverifiable, "main": reports.Passed,
	} {
		b := &bed{runs: map[scenario.Component]string{scenario.Istio: running}}
		r := replay.NewResult(page, s)
		replay.Walker{Bed: b}.Walk(t.Context(), replay.Turn{Page: page, Scenario: s}, r)
		g.Expect(r.Verdict).To(Equal(verdict), running)
		if verdict == reports.Unverifiable {
			g.Expect(r.Reason).To(HaveSuffix(running + " runs: istio#1"))
			g.Expect(b.calls).To(BeEmpty(), "nothing is done for it")
		}
	}
}

// A fault of the testbed says nothing about the mesh: what it may have spoiled is asked again.
func TestWhatAFaultOfTheTestbedSpoiledIsAskedAgain(t *testing.T) {
	const vanished = "pod default/curl-5f was deleted, and not by a roll-out"
	for name, c := range map[string]struct {
		bed    bed
		want   reports.Verdict
		reason string
		first  reports.Verdict // empty: there was no second attempt
	}{
		"it could not be asked":  {bed{fault: "transport"}, reports.Passed, "", reports.Inconclusive},
		"a promise failed":       {bed{fault: "status"}, reports.Passed, "", reports.Failed},
		"it could not be undone": {bed{fault: "undo"}, reports.Passed, "", reports.Failed},
		"nothing was spoiled":    {bed{}, reports.Passed, "", ""},
		"it does not recover": {
			bed{fault: "status", crippled: 1}, reports.Inconclusive, "it was not asked again: the testbed is not whole: istiod: 0 of 1 pods are available", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			b := &eventful{bed: &c.bed, incident: scenario.Incident{What: vanished}}
			page, s := door()
			result := replay.NewResult(page, s)
			replay.Walker{Bed: b}.Walk(t.Context(), replay.Turn{Page: page, Scenario: s}, result)
			g.Expect(result.Verdict).To(Equal(c.want), replay.Explain(result))
			g.Expect(result.Reason).To(ContainSubstring(c.reason))
			g.Expect(c.bed.applied).To(BeEmpty())
			if c.first == "" {
				g.Expect(result.Before).To(BeNil())
				return
			}
			g.Expect(result.Before).To(HaveField("Verdict", c.first))
			g.Expect(result.Before.Incidents).To(Equal([]string{vanished}))
		})
	}
}

// Without an incident a failure is the mesh's, and stands.
func TestAFailureWithoutIncidentIsNotAskedAgain(t *testing.T) {
	g := NewWithT(t)
	r := walk(t, &bed{fault: "status", incidents: []scenario.Incident{{What: "an older one"}}})
	g.Expect(r.Verdict).To(Equal(reports.Failed))
	g.Expect(r.Before).To(BeNil())
}

// eventful is a bed to which something happens when the first question is asked.
type eventful struct {
	*bed
	incident scenario.Incident
}

func (e *eventful) Ask(ctx context.Context, asked scenario.Inquiry) ([]probe.Evidence, error) {
	if len(e.incidents) == 0 {
		e.incidents = append(e.incidents, e.incident)
	}
	return e.bed.Ask(ctx, asked)
}

func TestAnInterruptStillUndoes(t *testing.T) {
	g := NewWithT(t)
	page, s := door()
	ctx, cancel := context.WithCancelCause(t.Context())
	b := &bed{}
	result := replay.NewResult(page, s)
	stop := &interrupting{bed: b, after: 4, stop: func() { cancel(errors.New("the user pressed Ctrl-C")) }}
	replay.Walker{Bed: stop}.Walk(ctx, replay.Turn{Page: page, Scenario: s}, result)
	g.Expect(result.Verdict).To(Equal(reports.Inconclusive))
	g.Expect(result.Reason).To(ContainSubstring("interrupted: the user pressed Ctrl-C"))
	g.Expect(b.applied).To(BeEmpty())
	g.Expect(result.Leaks).To(BeEmpty())
}

// interrupting cancels the walk after some questions.
type interrupting struct {
	*bed
	after int
	stop  func()
}

func (i *interrupting) Ask(ctx context.Context, asked scenario.Inquiry) ([]probe.Evidence, error) {
	if i.asked >= i.after {
		i.stop()
	}
	return i.bed.Ask(ctx, asked)
}

func TestWhatWasRememberedIsThereInLaterSteps(t *testing.T) {
	g := NewWithT(t)
	var seen []string
	look := func(held string) types.GomegaMatcher {
		return want("look", func(e probe.Evidence) bool {
			seen = append(seen, fmt.Sprintf("%s: %v", held, e.Remembered["before"][scenario.IngressGateway]))
			return true
		})
	}
	s := scenario.Scenario{ID: "egress/test/memory", Steps: []scenario.Step{
		{Says: "Look", Do: scenario.Remember(scenario.IngressGateway, "before"), Want: []scenario.Expectation{scenario.Derived("nothing yet", look("first"))}},
		{Says: "Look again", Do: scenario.Inspect(scenario.IngressGateway), Want: []scenario.Expectation{scenario.Derived("as it was", look("second"))}},
	}}
	page := scenario.Page{Name: "test", Scenarios: []scenario.Scenario{s}}
	result := replay.NewResult(page, s)
	replay.Walker{Bed: holding{&bed{}}}.Walk(t.Context(), replay.Turn{Page: page, Scenario: s}, result)
	g.Expect(result.Verdict).To(Equal(reports.Passed), replay.Explain(result))
	g.Expect(seen).To(Equal([]string{"first: <nil>", "second: 1"}))
}

// holding is a gateway whose configuration is the number of times that it was asked for.
type holding struct{ *bed }

func (h holding) Ask(context.Context, scenario.Inquiry) ([]probe.Evidence, error) {
	h.asked++
	return []probe.Evidence{{Proxies: map[probe.Peer]any{scenario.IngressGateway: h.asked}}}, nil
}
