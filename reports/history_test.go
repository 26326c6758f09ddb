package reports

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// night writes the report of the run of a night below dir. From the seventh on there is another Istio.
func night(t *testing.T, dir string, day int, results ...*Result) {
	t.Helper()
	istio := "1.31.1"
	if day > 6 {
		istio = "1.32.0"
	}
	r := reportOf(results...)
	started := time.Date(2026, 11, day, 2, 17, 0, 0, time.UTC)
	r.Run = Run{ID: fmt.Sprintf("2026-11-%02d", day), Started: started, Finished: started.Add(time.Minute)}
	r.Testbed = Testbed{Istio: istio, Envoy: "1.40.0", Kubernetes: "v1.36.3", Provider: "kind v0.33.0", Engine: "podman 4.3.1", ImageSource: "packages"}
	NewWithT(t).Expect(Write(filepath.Join(dir, r.Run.ID), r)).To(Succeed())
}

// timed is a scenario that took so many milliseconds.
func timed(id string, v Verdict, milliseconds int) *Result {
	reason := ""
	if v != Passed {
		reason = "why it is " + v.String()
	}
	r := one(id, v, reason)
	r.Title, r.Timings.Total = "A door: "+id, ms(milliseconds)
	return r
}

// season writes the reports of eight nights, of which the last two had another Istio, and beside them what tells nothing.
func season(t *testing.T, dir string) {
	t.Helper()
	g := NewWithT(t)
	for day := 1; day <= 8; day++ {
		turns := map[string][]Verdict{
			"door/red":      {Passed, Passed, Passed, Passed, Passed, Passed, Failed, Failed},
			"door/green":    {Failed, Failed, Failed, Failed, Passed, Inconclusive, Passed, Passed},
			"door/flaky":    {Passed, Passed, Passed, Passed, Passed, Passed, Passed, Flaky},
			"door/unsteady": {Passed, Passed, Passed, Failed, Passed, Passed, Passed, Passed},
			"door/mended":   {Passed, Passed, Passed, Passed, Passed, Passed, Failed, Passed},
			"door/steady":   {Passed, NotRun, Passed, Unverifiable, Passed, Passed, Skipped, Passed},
			"door/slower":   {Passed, Passed, Passed, Passed, Passed, Passed, Passed, Passed},
		}
		var results []*Result
		for _, id := range []string{"door/red", "door/green", "door/flaky", "door/unsteady", "door/mended", "door/steady", "door/slower"} {
			took := 2000 + 10*day
			if id == "door/slower" && day > 5 {
				took = 5000
			}
			results = append(results, timed(id, turns[id][day-1], took))
		}
		if day == 1 {
			results = append(results, timed("door/gone", Passed, 300))
		}
		if day == 8 {
			results = append(results, timed("door/new", Passed, 300))
		}
		night(t, dir, day, results...)
	}
	put := func(name, text string) {
		g.Expect(os.MkdirAll(filepath.Join(dir, name), 0o755)).To(Succeed())
		g.Expect(os.WriteFile(filepath.Join(dir, name, "report.json"), []byte(text), 0o600)).To(Succeed())
	}
	put("torn", `{"schema": "meshproof/report/v1", "results": [`)
	put("of-others", `{"tests": 7}`)
	put("of-tomorrow", `{"schema": "meshproof/report/v2"}`)
	put("empty", `{"schema": "meshproof/report/v1", "run": {"id": "x", "started": "2026-11-01T00:00:00Z"}}`)
	put("dateless", `{"schema": "meshproof/report/v1", "results": [{"id": "a", "verdict": "passed"}]}`)
	g.Expect(os.CopyFS(filepath.Join(dir, "published"), os.DirFS(filepath.Join(dir, "2026-11-03")))).To(Succeed())
	g.Expect(os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("no report, and not called one"), 0o600)).To(Succeed())
}

func TestHistory(t *testing.T) {
	g, dir, out := NewWithT(t), t.TempDir(), t.TempDir()
	season(t, dir)
	h, err := ReadHistory(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(WriteHistory(filepath.Join(out, "history"), h)).To(Succeed())
	for _, name := range []string{"history.json", "history.md", "history.html"} {
		got, err := os.ReadFile(filepath.Join(out, "history", name))
		g.Expect(err).NotTo(HaveOccurred())
		golden(t, name, got)
	}
	g.Expect(h.Lines()).To(Equal([]string{
		"turned red: door/red: passed -> failed since 2026-11-07 (run 2026-11-07), with Istio: 1.31.1 -> 1.32.0: why it is failed (podman, images from packages)",
		"turned flaky: door/flaky: passed -> flaky since 2026-11-08 (run 2026-11-08): why it is flaky (podman, images from packages)",
		"turned flaky: door/unsteady: back and forth, at last failed -> passed since 2026-11-05 (run 2026-11-05) (podman, images from packages)",
		"turned green: door/mended: failed -> passed since 2026-11-08 (run 2026-11-08) (podman, images from packages)",
		"turned green: door/green: failed -> passed since 2026-11-05 (run 2026-11-05) (podman, images from packages)",
		"slower: door/slower: 5.0 s, was 2.0 s (2.5 times as long) (podman, images from packages)",
		"history: 8 runs, 1 turned red, 2 turned flaky, 2 turned green, 1 slower",
	}))
	g.Expect(h.LeftOut).To(ConsistOf(
		HavePrefix("torn/report.json is no report: it is not the JSON that a run writes"),
		HavePrefix("of-others/report.json is no report: it is JSON, but names no schema"),
		HavePrefix(`of-tomorrow/report.json has the schema "meshproof/report/v2"`),
		"empty/report.json is of a run that asked nothing",
		"dateless/report.json does not say of which run it is, and when that began",
		"published/report.json is of the same run as 2026-11-03/report.json",
	))
}

func TestAHistoryOfNothing(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	_, err := ReadHistory(filepath.Join(dir, "none"))
	g.Expect(err).To(MatchError(HavePrefix("the folder of reports cannot be read; name one that is there with DIR=FOLDER")))
	g.Expect(os.WriteFile(filepath.Join(dir, "report.json"), []byte("{"), 0o600)).To(Succeed())
	h, err := ReadHistory(dir)
	g.Expect(err).To(MatchError(dir + " holds no report.json that tells anything; name a folder with reports of runs with DIR=FOLDER"))
	g.Expect(h.LeftOut).To(HaveLen(1))
}

// Runs on another engine or with other images have other times and other verdicts.
func TestHistoriesOfDifferentTestbedsAreApart(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	for day, source := range map[int]string{1: "packages", 2: "registry", 3: "packages", 4: "archive, a file with the SHA-256 00", 5: "registry, rehearsed: stand-ins"} {
		verdict := Passed
		if source == "registry" {
			verdict = Failed
		}
		r := reportOf(one("a", verdict, ""))
		r.Run = Run{ID: fmt.Sprint(day), Started: time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC)}
		r.Testbed = Testbed{Engine: "docker 29.1", ImageSource: source}
		g.Expect(Write(filepath.Join(dir, r.Run.ID), r)).To(Succeed())
	}
	h, err := ReadHistory(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(h.Lines()).To(Equal([]string{"history: 5 runs, 0 turned red, 0 turned flaky, 0 turned green, 0 slower"}))
	var names []string
	for _, s := range h.Series {
		names = append(names, s.Name)
	}
	g.Expect(names).To(Equal([]string{"docker, images from packages", "docker, images from archive", "docker, images from registry", "docker, images from registry, rehearsed: stand-ins"}))
}

func TestSlower(t *testing.T) {
	for name, c := range map[string]struct {
		times []int // milliseconds
		want  *Slower
	}{
		"too few before":          {[]int{2000, 2000, 9000, 9000, 9000}, nil},
		"enough":                  {[]int{2000, 2000, 2000, 9000, 9000, 9000}, &Slower{ms(2000), ms(9000)}},
		"just as much":            {[]int{2000, 2000, 2000, 3000, 3000, 3000}, &Slower{ms(2000), ms(3000)}},
		"less than the ratio":     {[]int{9000, 9000, 9000, 13000, 13000, 13000}, nil},
		"little, but many times":  {[]int{100, 100, 100, 900, 900, 900}, nil},
		"one slow run is nothing": {[]int{2000, 2000, 2000, 2000, 9000, 2000}, nil},
		"nor one before":          {[]int{2000, 90000, 2000, 2000, 9000, 9000, 9000}, &Slower{ms(2000), ms(9000)}},
		"faster":                  {[]int{9000, 9000, 9000, 2000, 2000, 2000}, nil},
		"a median of two":         {[]int{1000, 2000, 3000, 4000, 9000, 9000, 9000}, &Slower{ms(2500), ms(9000)}},
	} {
		t.Run(name, func(t *testing.T) {
			var times []Seconds
			for _, n := range c.times {
				times = append(times, ms(n))
			}
			NewWithT(t).Expect(slower(times)).To(Equal(c.want))
		})
	}
}
