package scenario_test

import (
	"testing"
	"testing/fstest"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gcustom"

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
