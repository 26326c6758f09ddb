package reports

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// today is the day on which the gates of these tests are asked, late: its own end still counts.
var today = time.Date(2026, 12, 1, 23, 59, 0, 0, time.UTC)

func meant(change func(*Acceptance)) GateOptions {
	a := Acceptance{ID: "a", Reason: "the page is being rewritten", Issue: "istio.io#17123", Until: "2026-12-31"}
	if change != nil {
		change(&a)
	}
	return GateOptions{Now: today, Accepted: Accepted{File: "accepted.yaml", Entries: []Acceptance{a}}}
}

// A difference that is meant opens the gate; the same entry with anything wrong in it closes it, for the difference and for the entry.
func TestAnEntryAcceptsADifferenceOnlyWhileItIsSound(t *testing.T) {
	baseline := reportOf(one("a", Passed, ""), one("z", Passed, ""))
	candidate := reportOf(one("a", Failed, "404"), one("z", Passed, ""))
	open := Gate(candidate, &baseline, meant(nil))
	g := NewWithT(t)
	g.Expect(open.Blockers).To(BeEmpty())
	g.Expect(open.String()).To(Equal("the gate is open\naccepted until 2026-12-31 (istio.io#17123: the page is being rewritten): a is failed: 404\n"))

	for name, c := range map[string]struct {
		change func(*Acceptance)
		flaw   string // empty: the entry accepts it
	}{
		"its last day":            {func(a *Acceptance) { a.Until = "2026-12-01" }, ""},
		"the day after":           {func(a *Acceptance) { a.Until = "2026-11-30" }, "has expired on 2026-11-30: mend what differs and remove the entry, or give its issue a new day"},
		"the latest day":          {func(a *Acceptance) { a.Until = "2027-05-30" }, ""},
		"a day later":             {func(a *Acceptance) { a.Until = "2027-05-31" }, "ends on 2027-05-31, more than 180 days ahead: the latest is 2027-05-30"},
		"no end":                  {func(a *Acceptance) { a.Until = "" }, "has no end: give it `until: YYYY-MM-DD`, the last day on which it counts"},
		"an end that is no day":   {func(a *Acceptance) { a.Until = "2026-13-01" }, "ends on \"2026-13-01\", which is no day: write `until: YYYY-MM-DD`"},
		"no reason":               {func(a *Acceptance) { a.Reason = " " }, "has no reason: say why the difference is meant, or remove the entry"},
		"no issue":                {func(a *Acceptance) { a.Issue = "" }, "has no issue: name where the difference is followed up (an address, 123 or istio#123), or remove the entry"},
		"an issue that is none":   {func(a *Acceptance) { a.Issue = "later" }, `names "later", which is no issue: it is an address, 123 or istio#123`},
		"an issue by its number":  {func(a *Acceptance) { a.Issue = "123" }, ""},
		"by its project":          {func(a *Acceptance) { a.Issue = "istio/istio.io#123" }, ""},
		"by its address":          {func(a *Acceptance) { a.Issue = "https://github.com/istio/istio/issues/123" }, ""},
		"its promise":             {func(a *Acceptance) { a.Promise = "200" }, ""},
		"its promise, with step":  {func(a *Acceptance) { a.Promise = "Send a request: 200" }, ""},
		"a promise there is none": {func(a *Acceptance) { a.Promise = "201" }, `names a promise that its scenario does not make ("201"): take its words from the gate or from the report, or remove the entry`},
		"a scenario there is none": {
			func(a *Acceptance) { a.ID = "b" }, "names a scenario that neither report has: take its id from the gate or from `make list`, or remove the entry",
		},
		"nothing": {func(a *Acceptance) { a.ID = "" }, "names nothing: give it the id of a scenario (`make list` has them all), or remove it"},
		"another scenario": {
			func(a *Acceptance) { a.ID = "z" }, "is not needed: nothing differs there any more; remove it",
		},
		"the mesh, which was as installed": {
			func(a *Acceptance) { a.ID = AcceptedMesh }, "is not needed: nothing differs there any more; remove it",
		},
		"a promise of the mesh": {func(a *Acceptance) { a.ID, a.Promise = AcceptedMesh, "x" }, "names a promise, and a mesh makes none: remove `promise`"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			options := meant(c.change)
			d := Gate(candidate, &baseline, options)
			if c.flaw == "" {
				g.Expect(d.Blockers).To(BeEmpty())
				g.Expect(d.Accepted).To(HaveLen(1))
				return
			}
			id := options.Accepted.Entries[0].ID
			if id != "" {
				id = " (" + id + ")"
			}
			g.Expect(d.Blockers).To(Equal([]string{"a is failed: 404", "accepted.yaml: entry 1" + id + " " + c.flaw}))
			g.Expect(d.Accepted).To(BeEmpty())
		})
	}
}

func TestWhatEntriesAccept(t *testing.T) {
	whole := func(id string) Acceptance { return meant(func(a *Acceptance) { a.ID = id }).Accepted.Entries[0] }
	part := func(id, promise string) Acceptance {
		a := whole(id)
		a.Promise = promise
		return a
	}
	two := one("a", Failed, "404")
	two.Steps = append(two.Steps, &StepResult{Says: "Ask again", Verdict: Failed, Expectations: []*ExpectationResult{
		{Says: "a header", Verdict: Failed}, {Says: "a body", Verdict: Passed},
	}})
	broken := one("a", Failed, "404")
	broken.Steps[0].Error = "the API server refused it"
	leaking := one("a", Failed, "404")
	leaking.Leaks = []string{"Service default/x"}
	strange := reportOf(one("z", Passed, ""))
	strange.Testbed.NotAsInstalled = []string{http10}
	ended := reportOf(one("z", Passed, ""))
	ended.Run.Error = "the disk is full"
	reworded := one("a", Passed, "")
	reworded.Steps[0].Expectations[0].Says = "200 OK"
	ran := func(results ...*Result) Report { return reportOf(append(results, one("z", Passed, ""))...) }
	passed := ran(one("a", Passed, ""))

	for name, c := range map[string]struct {
		report   Report
		entries  []Acceptance
		blockers []string
	}{
		"a failure":                  {ran(one("a", Failed, "404")), []Acceptance{whole("a")}, nil},
		"a flaky scenario":           {ran(one("a", Flaky, "twice")), []Acceptance{whole("a")}, nil},
		"one that cannot be shown":   {ran(one("a", Unverifiable, "x")), []Acceptance{whole("a")}, nil},
		"by its promise":             {ran(one("a", Unverifiable, "x")), []Acceptance{part("a", "200")}, nil},
		"one that is gone":           {ran(), []Acceptance{whole("a")}, nil},
		"a promise that is reworded": {ran(reworded), []Acceptance{part("a", "200")}, nil},
		"the mesh":                   {strange, []Acceptance{whole("a"), whole(AcceptedMesh)}, nil},
		"both promises":              {ran(two), []Acceptance{part("a", "200"), part("a", "a header")}, nil},
		"one promise of two": {
			ran(two), []Acceptance{part("a", "200")}, []string{"a is failed: 404; not accepted: Ask again: a header"},
		},
		"one promise, and the whole": {ran(two), []Acceptance{part("a", "200"), whole("a")}, nil},
		"no promise where a step could not be done": {
			ran(broken),
			[]Acceptance{part("a", "200")},
			[]string{"a is failed: 404", "accepted.yaml: entry 1 (a) is not needed: nothing differs there any more; remove it"},
		},
		"nor where something was left behind": {
			ran(leaking),
			[]Acceptance{part("a", "200")},
			[]string{"a is failed: 404", "accepted.yaml: entry 1 (a) is not needed: nothing differs there any more; remove it"},
		},
		"the whole where something was left behind": {ran(leaking), []Acceptance{whole("a")}, nil},
		"what could not be asked": {
			ran(one("a", Inconclusive, "cut")), []Acceptance{whole("a")}, []string{"a is inconclusive: cut; no entry accepts what could not be asked"},
		},
		"nor what was not run": {
			ran(one("a", NotRun, "killed")), []Acceptance{part("a", "200")}, []string{"a is not run: killed; no entry accepts what could not be asked"},
		},
		"nor a run that ended early": {ended, []Acceptance{whole("a")}, []string{"the run ended early: the disk is full"}},
		"the same twice": {
			ran(one("a", Failed, "404")), []Acceptance{whole("a"), whole("a")}, []string{"accepted.yaml: entry 2 (a) is there twice: remove one"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			options := GateOptions{Now: today, Accepted: Accepted{File: "accepted.yaml", Entries: c.entries}}
			NewWithT(t).Expect(Gate(c.report, &passed, options).Blockers).To(Equal(c.blockers))
		})
	}
}

// A failure of long ago is none of the baseline's differences, and is accepted all the same: nothing else would open the gate.
func TestAnEntryAcceptsWhatHadFailedBefore(t *testing.T) {
	failed := reportOf(one("a", Failed, "404"), one("z", Passed, ""))
	NewWithT(t).Expect(Gate(failed, &failed, meant(nil)).Open()).To(BeTrue())
	NewWithT(t).Expect(Gate(failed, nil, meant(nil)).Open()).To(BeTrue())
}

func TestReadAccepted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "accepted.yaml")
	read := func(text string) (Accepted, error) {
		NewWithT(t).Expect(os.WriteFile(file, []byte(text), 0o600)).To(Succeed())
		return ReadAccepted(file)
	}
	g := NewWithT(t)
	accepted, err := read("accepted:\n- id: egress/a/b\n  promise: \"the only answer is 200\"\n  reason: it is meant\n  issue: 53667\n  until: 2026-12-31\n")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(accepted).To(Equal(Accepted{File: file, Entries: []Acceptance{
		{ID: "egress/a/b", Promise: "the only answer is 200", Reason: "it is meant", Issue: "53667", Until: "2026-12-31"},
	}}))
	g.Expect(read("# nothing yet\n")).To(Equal(Accepted{File: file}))
	for name, text := range map[string]string{
		"misspelt": "accepted:\n- id: a\n  til: 2026-12-31\n", "twice": "accepted: []\naccepted: []\n", "no YAML": "{", "another list": "accept: []\n",
	} {
		_, err := read(text)
		g.Expect(err).To(MatchError(ContainSubstring(file+" does not hold accepted differences")), name)
	}
	_, err = ReadAccepted(file + ".none")
	g.Expect(err).To(MatchError(ContainSubstring("name a file that is there with ACCEPT=FILE")))
}

func FuzzReadAccepted(f *testing.F) {
	f.Add([]byte("accepted:\n- id: a\n  reason: x\n  issue: 1\n  until: 2026-12-31\n"))
	report := reportOf(one("a", Failed, "404"), one("z", Passed, ""))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file := filepath.Join(t.TempDir(), "accepted.yaml")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		accepted, err := ReadAccepted(file)
		if err != nil {
			return
		}
		d := Gate(report, nil, GateOptions{Now: today, Accepted: accepted})
		if d.Open() != (len(accepted.Entries) > 0 && len(d.Accepted) == len(accepted.Entries)) {
			t.Errorf("%s opens the gate: %t", fmt.Sprint(accepted.Entries), d.Open())
		}
	})
}
