package reports

import (
	"encoding/json"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestOfPromises(t *testing.T) {
	for name, c := range map[string]struct {
		promises []Verdict
		want     Verdict
	}{
		"none":       {nil, Passed},
		"all passed": {[]Verdict{Passed, Passed}, Passed},
		"an unverifiable one does not hide passed":  {[]Verdict{Unverifiable, Passed, Unverifiable}, Passed},
		"a skipped one does not hide passed":        {[]Verdict{Skipped, Passed}, Passed},
		"only all unverifiable is unverifiable":     {[]Verdict{Unverifiable, Unverifiable}, Unverifiable},
		"unverifiable and skipped":                  {[]Verdict{Skipped, Unverifiable}, Unverifiable},
		"all skipped":                               {[]Verdict{Skipped}, Skipped},
		"flaky is seen among passed":                {[]Verdict{Passed, Flaky, Unverifiable}, Flaky},
		"not run is seen among passed":              {[]Verdict{Passed, NotRun}, NotRun},
		"inconclusive is worse than not run":        {[]Verdict{NotRun, Inconclusive, Passed}, Inconclusive},
		"failed is worse than all":                  {[]Verdict{Inconclusive, Failed, Passed, Unverifiable}, Failed},
		"a promise that was never judged is worst":  {[]Verdict{Passed, ""}, ""},
		"a verdict that nobody knows is not hidden": {[]Verdict{Passed, "fine"}, "fine"},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(OfPromises(c.promises)).To(Equal(c.want))
		})
	}
}

func TestVerdictsAreOrdered(t *testing.T) {
	g := NewWithT(t)
	all := Verdicts()
	for i, v := range all {
		for k, other := range all {
			g.Expect(v.Worse(other)).To(Equal(i > k), "%s worse than %s", v, other)
		}
		g.Expect(Verdict("").Worse(v)).To(BeTrue())
		g.Expect(v.Known()).To(BeTrue())
	}
	g.Expect(Worst()).To(Equal(Passed))
	g.Expect(Verdict("fine").Blocks()).To(BeTrue(), "what nobody knows is no success")
}

func TestSecondsInJSON(t *testing.T) {
	for _, c := range []struct {
		in   time.Duration
		json string
		text string
	}{
		{0, "0.000", "0 s"},
		{1500 * time.Millisecond, "1.500", "1.5 s"},
		{7*time.Millisecond + 600*time.Microsecond, "0.008", "8 ms"},
		{74 * time.Second, "74.000", "74 s"},
		{12*time.Minute + 5*time.Second, "725.000", "12 min 5 s"},
	} {
		g := NewWithT(t)
		raw, err := json.Marshal(Seconds(c.in))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(raw)).To(Equal(c.json))
		var back Seconds
		g.Expect(json.Unmarshal(raw, &back)).To(Succeed())
		g.Expect(time.Duration(back)).To(Equal(c.in.Round(time.Millisecond)))
		g.Expect(Seconds(c.in).String()).To(Equal(c.text))
	}
	var s Seconds
	NewWithT(t).Expect(json.Unmarshal([]byte(`"long"`), &s)).To(MatchError(ContainSubstring("a time in seconds was expected")))
	NewWithT(t).Expect(json.Unmarshal([]byte(`1e300`), &s)).To(MatchError(ContainSubstring("more than a duration can hold")))
}
