package replay_test

import (
	"context"
	"testing"
	"testing/fstest"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/replay"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// broken is a fault of the door that breaks one thing, and is seen by whoever looks.
func brokenBy(name string) scenario.Fault {
	return scenario.Fault{
		Name: name, Breaks: "the door", Inject: []scenario.Change{scenario.ApplyAction{Files: []string{"fault.yaml"}}},
		Arrives: scenario.Proof{
			Says: "it is broken", Ask: scenario.InspectAction{},
			Shows: want("be broken", func(e probe.Evidence) bool { return e.Stdout == name }),
		},
		Red: []string{"egress/test/door"},
	}
}

// drilled is what becomes of a fault on the page with the door, and with another door beside it.
func drilled(t *testing.T, b *bed, fault scenario.Fault) (reports.Drill, error) {
	t.Helper()
	page, s := door()
	s.ID = "egress/test/beside"
	page.Scenarios = append(page.Scenarios, s)
	page.Manifests = fstest.MapFS{"open.yaml": {Data: []byte("open: yes\n")}}
	return replay.Walker{Bed: b}.Drill(t.Context(), fault, []scenario.Page{page}, nil)
}

func TestAFaultThatAPromiseNotices(t *testing.T) {
	g, b := NewWithT(t), &bed{}
	d, err := drilled(t, b, brokenBy("body"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(d.Outcome).To(Equal(reports.DrillNoticed))
	g.Expect(d.Passed()).To(BeTrue())
	g.Expect(d.Promise).To(Equal("Knock again: somebody says welcome"))
	g.Expect(d.By).To(Equal("egress/test/door"))
	g.Expect(d.Arrived).To(Equal("it is broken"))
	g.Expect(d.Scenarios).To(HaveExactElements(HaveField("Arrived", true)))
	g.Expect(b.calls).To(Equal([]string{
		"prepare 0", "inject body", "settle", "apply open.yaml", "settle", "undo open.yaml", "take down", "settle", "take back body", "settle",
	}), "the fault is there before the scenario and gone after it")
	g.Expect(b.fault).To(BeEmpty())
}

func TestAFaultThatNobodyNoticesSurvives(t *testing.T) {
	g := NewWithT(t)
	d, err := drilled(t, &bed{}, brokenBy("nothing that is promised"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(d.Outcome).To(Equal(reports.DrillSurvived))
	g.Expect(d.Verdict()).To(Equal(reports.Failed))
	g.Expect(d.Reason).To(Equal("no promise of egress/test/door failed with the fault in place"))
}

func TestAFaultThatDoesNotArriveProvesNothing(t *testing.T) {
	for name, fault := range map[string]scenario.Fault{"noticed": brokenBy("body"), "survived": brokenBy("nothing")} {
		t.Run(name, func(t *testing.T) {
			fault.Arrives.Shows = want("be broken", func(probe.Evidence) bool { return false })
			d, err := drilled(t, &bed{}, fault)
			g := NewWithT(t)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(d.Outcome).To(Equal(reports.DrillInconclusive))
			g.Expect(d.Reason).To(Equal("the fault was not shown to be there during egress/test/door"))
			g.Expect(d.Arrived).To(BeEmpty())
		})
	}
}

func TestAScenarioBesideThatFails(t *testing.T) {
	g := NewWithT(t)
	fault := brokenBy("body")
	fault.Green = []string{"egress/test/beside"}
	d, err := drilled(t, &bed{}, fault)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(d.Outcome).To(Equal(reports.DrillNoticed))
	g.Expect(d.Strays()).To(HaveExactElements(HaveField("ID", "egress/test/beside")))
	g.Expect(d.Verdict()).To(Equal(reports.Failed))
	g.Expect(d.Reason).To(ContainSubstring("egress/test/beside failed, and should not: Knock again: somebody says welcome"))
}

func TestAHarmlessFault(t *testing.T) {
	g := NewWithT(t)
	fault := brokenBy("nothing that is promised")
	fault.Red, fault.Green, fault.Harmless = nil, []string{"egress/test/door"}, "nobody promises it"
	d, err := drilled(t, &bed{}, fault)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(d.Outcome).To(Equal(reports.DrillSurvived))
	g.Expect(d.Passed()).To(BeTrue())
	g.Expect(d.Reason).To(Equal("nobody promises it"))

	fault.Name = "body"
	fault.Arrives = brokenBy("body").Arrives
	d, err = drilled(t, &bed{}, fault)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(d.Outcome).To(Equal(reports.DrillNoticed))
	g.Expect(d.Passed()).To(BeFalse())
}

func TestWhatIsLeftOfAFault(t *testing.T) {
	g := NewWithT(t)
	d, err := drilled(t, &bed{fault: "undo"}, brokenBy("body"))
	g.Expect(err).To(MatchError("the fault could not be taken back: the server is busy"))
	g.Expect(d.Outcome).To(Equal(reports.DrillInconclusive))
	g.Expect(d.Reason).To(Equal("the fault could not be taken back: the server is busy"))
}

func TestWhatCannotBeDrilled(t *testing.T) {
	for fault, reason := range map[string]string{
		"ensure":  "what egress/test/door needs could not be prepared: no node is Ready",
		"prepare": "what the scenarios need could not be prepared: no node is Ready",
		"inject":  "the fault could not be brought about: the server is busy",
	} {
		g := NewWithT(t)
		d, err := drilled(t, &bed{fault: fault}, brokenBy("body"))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(d.Outcome).To(Equal(reports.DrillInconclusive), fault)
		g.Expect(d.Verdict()).To(Equal(reports.Inconclusive))
		g.Expect(d.Reason).To(Equal(reason))
	}
	g, b := NewWithT(t), &bed{lacks: scenario.IstioProxy}
	fault := brokenBy("body")
	fault.Requires = scenario.IstioProxy
	d, err := drilled(t, b, fault)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(d.Verdict()).To(Equal(reports.Skipped))
	g.Expect(d.Reason).To(Equal("this proxy is upstream Envoy"))
	g.Expect(b.calls).To(BeEmpty(), "nothing was begun")
}

// An interrupted drill takes its fault back and says so.
func TestAnInterruptedDrill(t *testing.T) {
	g, b := NewWithT(t), &bed{}
	ctx, cancel := context.WithCancel(t.Context())
	fault := brokenBy("body")
	shows := fault.Arrives.Shows
	fault.Arrives.Shows = want("be broken", func(e probe.Evidence) bool {
		cancel()
		there, err := shows.Match(e)
		return there && err == nil
	})
	page, _ := door()
	d, err := replay.Walker{Bed: b}.Drill(ctx, fault, []scenario.Page{page}, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(d.Outcome).To(Equal(reports.DrillInconclusive))
	g.Expect(d.Reason).To(Equal("interrupted; the fault was taken back"))
	g.Expect(b.calls).To(ContainElement("take back body"))
	g.Expect(b.fault).To(BeEmpty())
}

// An edited manifest has arrived when it was applied and the mesh has settled.
func TestAnEditedManifest(t *testing.T) {
	g := NewWithT(t)
	fault := scenario.Fault{
		Name: "shut", Breaks: "the door", Arrives: scenario.Proof{Says: "it was applied"}, Red: []string{"egress/test/door"},
		Edits: []scenario.Edit{{File: "open.yaml", Old: "yes", New: "no"}},
	}
	d, err := drilled(t, &bed{fault: "body"}, fault)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(d.Outcome).To(Equal(reports.DrillNoticed))
	g.Expect(d.Arrived).To(Equal("it was applied"))
	g.Expect(d.Means).To(Equal([]string{"edited manifest open.yaml"}))
}
