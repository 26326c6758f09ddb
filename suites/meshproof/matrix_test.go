package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/spf13/cobra"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/selection"
)

// program is a stand-in for this one: it knows every Envoy but 9, and writes a report, which is red with Envoy 2. Envoy 3 ends without one; with Envoy 4 it takes
// until it is interrupted.
func program(t *testing.T) string {
	t.Helper()
	g, dir := NewWithT(t), t.TempDir()
	raw, err := json.Marshal(reports.Report{
		Schema: reports.Schema, Run: reports.Run{ID: "RUN", Row: "ROW", Started: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), Finished: time.Date(2026, 11, 20, 0, 1, 0, 0, time.UTC), Selection: "all pages"},
		Testbed: reports.Testbed{Istio: "1.31.1", Envoy: "ENVOY", Kubernetes: "v1.36.3", Engine: "podman 4.3.1", ImageSource: "packages"},
		Results: []*reports.Result{{ID: "egress/a/b", Page: "a", Verdict: "VERDICT"}, {ID: "egress/a/c", Page: "a", Verdict: reports.Passed}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.WriteFile(filepath.Join(dir, "report.json"), raw, 0o600)).To(Succeed())
	text := `#!/bin/bash
set -eu
case $1,$ENVOY in
knobs,9) echo "meshproof: ENVOY=\"9\" is not known" >&2; exit 2 ;;
knobs,*) exit 0 ;;
e2e,3) exit 1 ;;
e2e,4) trap 'ended=1' INT; ended=; touch "$WAITING"; while [ -z "$ended" ]; do sleep 0.05; done ;;
esac
mkdir -p "$OUT"
verdict=passed
[ "$ENVOY" != 2 ] || verdict=failed
sed "s/RUN/$MESHPROOF_ROW-$$/; s/ROW/$MESHPROOF_ROW/; s/ENVOY/$ENVOY/; s/VERDICT/$verdict/" ` + dir + `/report.json > "$OUT/report.json"
[ $verdict = passed ]
`
	file := filepath.Join(dir, "meshproof")
	g.Expect(os.WriteFile(file, []byte(text), 0o755)).To(Succeed())
	t.Setenv("OUT", filepath.Join(dir, "out"))
	return file
}

// running is what a matrix of the rows says, and how it ends.
func running(ctx context.Context, t *testing.T, versions string) (string, error) {
	t.Helper()
	rows, err := selection.Rows(versions)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	var said strings.Builder
	cmd := &cobra.Command{}
	cmd.SetOut(&said)
	cmd.SetErr(&said)
	m := matrix{cmd: cmd, program: program(t), rows: rows}
	if err := m.check(ctx); err != nil {
		return said.String(), err
	}
	err = m.run(ctx)
	return said.String(), err
}

func TestMatrixCommand(t *testing.T) {
	g := NewWithT(t)
	said, err := running(t.Context(), t, "envoy=1; envoy=3; envoy=2 name=red; envoy=1 istio=A name=again")
	g.Expect(err).To(MatchError(errReported))
	g.Expect(said).To(And(
		ContainSubstring("1 of 4: envoy-1 (envoy=1)\n2 of 4: envoy-3 (envoy=3)\nenvoy-3: it left no report (exit status 1); why is told above\n3 of 4: red (envoy=2)\n4 of 4: again (istio=A envoy=1)\n"),
		ContainSubstring(`since Envoy 2 (was 1): egress/a/b turned from passed to failed`),
		ContainSubstring("red: 1 passed, 1 failed, 0 skipped (Istio 1.31.1, Envoy 2,"),
		ContainSubstring("no report: envoy-3: it left no report (exit status 1)"),
		ContainSubstring("matrix: 3 rows, 1 of them red, 1 without a report, 1 scenario differs\nmatrix: "+filepath.Join(outDir(), "matrix.html")+"\n"),
	))
	g.Expect(filepath.Join(outDir(), "red", "report.json")).To(BeARegularFile())

	said, err = running(t.Context(), t, "envoy=1; envoy=5")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(said).To(ContainSubstring("matrix: 2 rows, no scenario differs"))

	said, err = running(t.Context(), t, "envoy=1; envoy=9")
	g.Expect(err).To(MatchError(`row envoy-9: ENVOY="9" is not known`))
	g.Expect(errors.As(err, new(usageError))).To(BeTrue(), "exit code 2")
	g.Expect(said).To(BeEmpty(), "nothing has begun")
}

// The report of an earlier run in the folder of a row is not taken for the row's.
func TestAnOlderReportIsNotTheRows(t *testing.T) {
	g := NewWithT(t)
	rows, err := selection.Rows("envoy=3")
	g.Expect(err).NotTo(HaveOccurred())
	m := matrix{cmd: &cobra.Command{}, program: program(t), rows: rows}
	g.Expect(reports.Write(filepath.Join(outDir(), "envoy-3"), reports.Report{Run: reports.Run{ID: "older"}})).To(Succeed())
	_, err = m.replay(t.Context(), rows[0])
	g.Expect(err).To(MatchError("it left no report (exit status 1); why is told above"))
}

// An interrupt reaches the row under way, once; what is there is put together, and what was not begun is named.
func TestAnInterruptedMatrix(t *testing.T) {
	g := NewWithT(t)
	ctx, interrupt := context.WithCancel(t.Context())
	waiting := filepath.Join(t.TempDir(), "waiting")
	t.Setenv("WAITING", waiting)
	go func() {
		defer interrupt()
		g.Eventually(waiting).WithTimeout(time.Minute).Should(BeAnExistingFile())
	}()
	said, err := running(ctx, t, "envoy=1; envoy=4; envoy=5")
	g.Expect(err).To(MatchError(errReported))
	g.Expect(said).To(And(
		ContainSubstring("no report: envoy-5: the matrix was interrupted before it"),
		ContainSubstring("matrix: 2 rows, 1 without a report, no scenario differs"),
	))
}

func TestMatrixRefusesBeforeAnythingBegins(t *testing.T) {
	for name, c := range map[string]struct {
		knobs map[string]string
		says  string
	}{
		"no rows":              {nil, "a matrix needs rows: VERSIONS=FILE, or a list such as VERSIONS='istio=A kubernetes=B; istio=C'"},
		"an unknown knob":      {map[string]string{"VERSIONS": "istoi=A"}, `there is no "istoi" in a row; did you mean istio?`},
		"no slice":             {map[string]string{"VERSIONS": "istio=A", "SLICE": "half"}, `SLICE="half" is no part of anything; 2/4 is the second of four`},
		"more slices":          {map[string]string{"VERSIONS": "istio=A", "SLICE": "1/2"}, "slice 1 of 2: the matrix has no more rows than 1"},
		"an unknown page":      {map[string]string{"VERSIONS": "istio=A", "PAGE": "egres-gateway"}, `there is no page "egres-gateway"; did you mean egress-gateway`},
		"no shard":             {map[string]string{"VERSIONS": "istio=A", "SHARD": "2"}, `SHARD="2" is no part of anything; 2/4 is the second of four`},
		"an unknown KEEP":      {map[string]string{"VERSIONS": "istio=A", "KEEP": "some"}, "KEEP=some is not known; it is never, failure or always"},
		"an unknown FAIL_FAST": {map[string]string{"VERSIONS": "istio=A", "FAIL_FAST": "some"}, "FAIL_FAST=some is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			for _, knob := range []string{"VERSIONS", "SLICE", "PAGE", "SHARD", "KEEP", "FAIL_FAST"} {
				t.Setenv(knob, c.knobs[knob])
			}
			_, err := asking(t, matrixCommand())
			g.Expect(err).To(MatchError(HavePrefix(c.says)))
			g.Expect(errors.As(err, new(usageError))).To(BeTrue(), "exit code 2")
		})
	}
}

func TestListShowsTheRowsAndTheShards(t *testing.T) {
	g := NewWithT(t)
	t.Setenv("DRILLS", "")
	t.Setenv("VERSIONS", "istio=A; envoy=1.39.3 name=second")
	t.Setenv("SLICE", "")
	g.Expect(asking(t, listCommand())).To(Equal("istio-A  istio=A\nsecond   envoy=1.39.3\n2 rows\n"))
	t.Setenv("SLICE", "2/2")
	g.Expect(asking(t, listCommand())).To(HavePrefix("second  envoy=1.39.3\n"))

	t.Chdir("../..")
	t.Setenv("VERSIONS", "")
	lines := map[string]bool{}
	for _, shard := range []string{"1/3", "2/3", "3/3"} {
		t.Setenv("SHARD", shard)
		said, err := asking(t, listCommand())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(said).To(MatchRegexp(`\nshard 1 of 3: .* scenarios.*\)\nshard 2 of 3: .*\nshard 3 of 3: .*\n`))
		for line := range strings.Lines(said) {
			if id := strings.Fields(line)[1]; strings.Contains(id, "/") {
				g.Expect(lines[id]).To(BeFalse(), "%s is in two shards", id)
				lines[id] = true
			}
		}
	}
	t.Setenv("SHARD", "")
	whole, err := asking(t, listCommand())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(strings.Count(whole, "\n")).To(Equal(len(lines) + 1))
}

func TestMergeCommand(t *testing.T) {
	g := NewWithT(t)
	t.Chdir(t.TempDir())
	for _, knob := range []string{"OUT", "DIR", "VERSIONS", "SLICE"} {
		t.Setenv(knob, "")
	}
	_, err := asking(t, mergeCommand())
	g.Expect(err).To(MatchError("merge needs a folder of reports: DIR=FOLDER"))
	g.Expect(errors.As(err, new(usageError))).To(BeTrue(), "exit code 2")

	t.Setenv("DIR", "in")
	shard := func(number int, mine, other string) {
		run1311(g, "run", reports.Passed)
		r, err := reports.Read("reports/out/report.json")
		g.Expect(err).NotTo(HaveOccurred())
		s := reports.Shard{Number: number, Of: 2}
		r.Run.ID, r.Run.Shard, r.Run.Selection = mine, &s, s.String()+" of all pages"
		for _, result := range r.Results {
			if result.ID == other {
				result.Verdict = reports.Skipped
			}
		}
		g.Expect(reports.Write(filepath.Join("in", mine), r)).To(Succeed())
		g.Expect(os.RemoveAll("reports")).To(Succeed())
	}
	shard(1, "one", "egress/a/b")
	shard(2, "two", "egress/a/c")
	said, err := asking(t, mergeCommand())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(said).To(HaveSuffix("e2e: 2 passed, 0 failed, 0 skipped\nreport: reports/out/report.html\n"))
	g.Expect("reports/out/report.html").To(BeARegularFile())
	g.Expect("reports/out/matrix.html").NotTo(BeAnExistingFile())

	shard(2, "three", "egress/a/c")
	_, err = asking(t, mergeCommand())
	g.Expect(err).To(MatchError("in/three/report.json and in/two/report.json are both shard 2 of 2: remove one"))

	t.Setenv("DIR", "rows")
	run1311(g, "row", reports.Failed)
	g.Expect(os.MkdirAll("rows/damaged", 0o755)).To(Succeed())
	g.Expect(os.Rename("reports/out", "rows/only")).To(Succeed())
	g.Expect(os.WriteFile("rows/damaged/report.json", []byte("{"), 0o600)).To(Succeed())
	t.Setenv("VERSIONS", "envoy=1; envoy=2")
	said, err = asking(t, mergeCommand())
	g.Expect(err).To(MatchError(errReported))
	g.Expect(said).To(And(HavePrefix("left out: damaged/report.json is no report"), ContainSubstring("only: 1 passed, 1 failed, 0 skipped"),
		ContainSubstring("no report: envoy-1: none is in rows\nno report: envoy-2: none is in rows\n"), HaveSuffix("matrix: reports/out/matrix.html\n")))
}

// What the nightly run is told is understood here, and every one of its jobs has something to do.
func TestTheRowsOfTheNightlyRun(t *testing.T) {
	g := NewWithT(t)
	rows, err := selection.Rows("../../.github/matrix.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	for _, row := range rows {
		for _, knob := range selection.RowKnobs() {
			t.Setenv(knob, row.Knobs[knob])
		}
		g.Expect(execute(t, "knobs")).To(Succeed(), row.Name)
	}
	text, err := os.ReadFile("../../.github/workflows/nightly.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	_, slices, found := strings.Cut(string(text), "slice: [")
	g.Expect(found).To(BeTrue())
	slices, _, _ = strings.Cut(slices, "]")
	_, err = selection.Slice(rows, selection.Part{Number: 1, Of: len(strings.Split(slices, ", "))})
	g.Expect(err).NotTo(HaveOccurred())
}
