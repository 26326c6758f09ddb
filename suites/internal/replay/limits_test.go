package replay

import (
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// A promise that does not hold is given up after few attempts: nothing is on its way. One that does hold in the end is flaky, unless the question
// names what lingers.
func TestHowLongAPromiseIsAskedFor(t *testing.T) {
	const answer = 100 * time.Millisecond
	for name, c := range map[string]struct {
		question scenario.SendAction
		misses   int // before it holds
		asked    int
		verdict  reports.Verdict
		late     bool
	}{
		"it holds":            {scenario.SendAction{}, 0, 3, reports.Passed, false},
		"it wobbles":          {scenario.SendAction{}, 2, 5, reports.Flaky, false},
		"it never holds":      {scenario.SendAction{}, 99, 6, reports.Failed, false},
		"a name lingers":      {scenario.SendAction{Lingers: scenario.NameCache}, 2, 5, reports.Passed, true},
		"a time-out is wrong": {scenario.SendAction{Limit: scenario.TimesOut}, 99, 6, reports.Failed, false},
		"a time is measured":  {scenario.SendAction{Limit: scenario.Measured}, 99, 1, reports.Failed, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := NewWithT(t)
				saved := limits[scenario.Converge]
				limits[scenario.Converge] = limit{Attempts: 4, Timeout: time.Second, InARow: 3}
				defer func() { limits[scenario.Converge] = saved }()
				promise := &reports.ExpectationResult{}
				a := &asking{
					limit: limitOf(c.question), started: time.Now(),
					tracks: []track{{want: scenario.Expectation{Match: HaveField("Stdout", "well")}, res: promise}},
				}
				asked := 0
				for done := false; !done; {
					time.Sleep(answer) //nolint:forbidigo // the clock of synctest
					asked++
					e := probe.Evidence{Stdout: "well"}
					if asked <= c.misses {
						e.Stdout = "ill"
					}
					if done = a.judge(e); !done {
						time.Sleep(a.pause()) //nolint:forbidigo // the same
					}
				}
				g.Expect(asked).To(Equal(c.asked))
				g.Expect(promise.Verdict).To(Equal(c.verdict))
				g.Expect(a.late() != nil).To(Equal(c.late))
			})
		})
	}
}
