package replay

import (
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// telling is a promise that tells what was missing.
type telling struct{ types.GomegaMatcher }

func (telling) Lacks(actual any) string {
	return "cluster " + actual.(probe.Evidence).Marker
}

func (telling) Shows(actual any) map[string]string {
	return map[string]string{"cluster door": actual.(probe.Evidence).Stdout}
}

func (t telling) Match(actual any) (bool, error) { return actual.(probe.Evidence).Exit == 0, nil }

// The report knows what is missing for as long as it is, and what the last attempt was judged on.
func TestTrackNotesWhatIsLacking(t *testing.T) {
	g := NewWithT(t)
	followed := track{want: scenario.Expectation{Match: telling{BeNil()}}, res: &reports.ExpectationResult{}}
	g.Expect(followed.judge(probe.Evidence{Exit: 1, Marker: "door", Stdout: "closed"}, 0, 0)).To(BeFalse())
	g.Expect(followed.res.Held).To(Equal(map[string]string{"cluster door": "closed"}))
	g.Expect(followed.res.Lacks).To(Equal("cluster door"))
	g.Expect(followed.judge(probe.Evidence{Stdout: "open"}, 0, 0)).To(BeTrue())
	g.Expect(followed.res.Lacks).To(BeEmpty())
	g.Expect(followed.res.Held).To(Equal(map[string]string{"cluster door": "open"}))

	plain := track{want: scenario.Expectation{Match: BeNil()}, res: &reports.ExpectationResult{}} // one that does not
	g.Expect(plain.judge(probe.Evidence{}, 0, 0)).To(BeFalse())
	g.Expect(plain.res.Lacks).To(BeEmpty())
}
