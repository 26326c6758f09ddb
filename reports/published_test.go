package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// breaches lists what in a folder of published reports is against the rules of published/README.md.
func breaches(dir string) (errs []error) {
	folders, err := fs.Glob(os.DirFS(dir), "*/*/*")
	if err != nil {
		return []error{err}
	}
	for _, folder := range folders {
		errs = append(errs, breachesOf(dir, folder)...)
	}
	return errs
}

func breachesOf(dir, folder string) (errs []error) {
	at := filepath.Join(dir, folder)
	if _, err := os.Stat(filepath.Join(at, sumsName)); err != nil {
		errs = append(errs, fmt.Errorf("%s was not published by `make publish`: %w", folder, err))
	}
	errs = append(errs, asPublished(at))
	if _, err := os.Stat(filepath.Join(at, evidenceName)); err == nil {
		errs = append(errs, fmt.Errorf("%s holds evidence", folder))
	}
	r, sum, err := readSummed(filepath.Join(at, "report.json"))
	if err != nil {
		return append(errs, err)
	}
	if want := publishedFolder(r.Testbed); path.Clean(want) != folder {
		errs = append(errs, fmt.Errorf("%s is a report of %s", folder, want))
	}
	var answer GateAnswer
	raw, err := os.ReadFile(filepath.Join(at, GateFile))
	if err == nil {
		err = json.Unmarshal(raw, &answer)
	}
	if err != nil {
		return append(errs, err)
	}
	if !answer.Open() || answer.Candidate.SHA256 != sum {
		errs = append(errs, fmt.Errorf("%s was not let through by the gate whose answer is beside it", folder))
	}
	return errs
}

// make verify runs this one.
func TestPublishedReportsKeepTheRules(t *testing.T) {
	if err := errors.Join(breaches("published")...); err != nil {
		t.Error(err)
	}
}

// ran writes a report of a run on a testbed, Istio's version and Kubernetes', into a folder of its own.
func ran(t *testing.T, id, versions string, change func(*Report)) (folder string) {
	t.Helper()
	istio, kubernetes, _ := strings.Cut(versions, " ")
	r := reportOf(one("a", Passed, ""))
	r.Run = Run{ID: id, Started: time.Date(2026, 11, 20, 23, 10, 4, 0, time.UTC), Finished: time.Date(2026, 11, 20, 23, 11, 52, 0, time.UTC), Selection: "all pages"}
	r.Testbed = Testbed{Istio: istio, Kubernetes: kubernetes, Envoy: "1.40.0", Engine: "podman 4.3.1", Provider: "kind v0.33.0", ImageSource: "packages"}
	if change != nil {
		change(&r)
	}
	folder = t.TempDir()
	NewWithT(t).Expect(Write(folder, r)).To(Succeed())
	NewWithT(t).Expect(os.WriteFile(filepath.Join(folder, SBOMFile), []byte("{}"), 0o600)).To(Succeed())
	return folder
}

// published publishes the report in a folder below dir.
func published(t *testing.T, out, dir string) (string, error) {
	t.Helper()
	answer, err := Judge(filepath.Join(out, "report.json"), Baseline{}, GateOptions{Now: today})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return Publish(out, dir, answer)
}

func TestPublish(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	out := ran(t, "1", "1.31.1 v1.36.3", nil)
	folder, err := published(t, out, dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(folder).To(Equal(filepath.Join(dir, "1.31.1", "packages", "kubernetes-1.36.3-envoy-1.40.0")))
	for _, name := range formNames() {
		was, err := os.ReadFile(filepath.Join(out, name))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(os.ReadFile(filepath.Join(folder, name))).To(Equal(was), "as written")
	}
	g.Expect(errors.Join(breaches(dir)...)).To(Succeed())

	out = ran(t, "2", "../../1.32 ", func(r *Report) {
		r.Testbed.Envoy, r.Testbed.ImageSource = "istio-proxy 1.32.0", "archive, a file with the SHA-256 00"
	})
	folder, err = published(t, out, dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(folder).To(Equal(filepath.Join(dir, "1.32", "archive", "kubernetes--envoy-istio-proxy-1.32.0")), "no version leads out of the folder")
}

func TestWhatIsNotPublished(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	_, err := published(t, ran(t, "1", "1.31.1 v1.36.3", func(r *Report) { r.Results[0].Verdict = Failed }), dir)
	g.Expect(err).To(MatchError(HavePrefix("nothing is published: the gate is closed")))

	_, err = published(t, ran(t, "1", "1.31.1 v1.36.3", func(r *Report) {
		r.Results, r.Run.Selection = append(r.Results, one("b", Skipped, "not selected")), "page door"
	}), dir)
	g.Expect(err).To(MatchError("nothing is published: the run was asked for page door, and a published report holds everything; `make e2e` without PAGE, SCENARIO and LABEL asks for it"))

	half := ran(t, "1", "1.31.1 v1.36.3", nil)
	g.Expect(os.Remove(filepath.Join(half, "report.md"))).To(Succeed())
	_, err = published(t, half, dir)
	g.Expect(err).To(MatchError(HavePrefix("nothing is published, the report is not whole; `make e2e` writes all of it")))

	answer, err := Judge(filepath.Join(ran(t, "1", "1.31.1 v1.36.3", nil), "report.json"), Baseline{}, GateOptions{Now: today})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = Publish(ran(t, "2", "1.31.1 v1.36.3", nil), dir, answer)
	g.Expect(err).To(MatchError(HavePrefix("nothing is published: the gate was asked about another report")))
	g.Expect(os.ReadDir(dir)).To(BeEmpty())
}

func TestBreachesAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(g Gomega, folder string)
		says string
	}{
		"edited": {func(g Gomega, folder string) {
			g.Expect(os.WriteFile(filepath.Join(folder, "report.md"), []byte("all is well"), 0o600)).To(Succeed())
		}, "was edited since (report.md): a report is replaced by a new run and never by hand; `git checkout -- "},
		"a sum edited": {func(g Gomega, folder string) {
			g.Expect(os.WriteFile(filepath.Join(folder, sumsName), []byte("no sums"), 0o600)).To(Succeed())
		}, "was edited since (report.json, junit.xml, report.md, report.html, sbom.cdx.json, gate.json)"},
		"a sum too many": {func(g Gomega, folder string) {
			sums, err := os.ReadFile(filepath.Join(folder, sumsName))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(os.WriteFile(filepath.Join(folder, sumsName), append(sums, "x\n"...), 0o600)).To(Succeed())
		}, "was edited since (SHA256SUMS)"},
		"one form gone": {func(g Gomega, folder string) {
			g.Expect(os.Remove(filepath.Join(folder, "junit.xml"))).To(Succeed())
		}, "is not whole; publish it again, or take it from git: open "},
		"no sums": {func(g Gomega, folder string) { g.Expect(os.Remove(filepath.Join(folder, sumsName))).To(Succeed()) }, "was not published by `make publish`"},
		"evidence": {func(g Gomega, folder string) {
			g.Expect(os.Mkdir(filepath.Join(folder, evidenceName), 0o755)).To(Succeed())
		}, "1.31.1/packages/kubernetes-1.36.3-envoy-1.40.0 holds evidence"},
		"moved": {func(g Gomega, folder string) {
			g.Expect(os.Rename(folder, folder+"1")).To(Succeed())
		}, "kubernetes-1.36.3-envoy-1.40.01 is a report of 1.31.1/packages/kubernetes-1.36.3-envoy-1.40.0"},
		"with another's answer": {func(g Gomega, folder string) {
			files := map[string][]byte{}
			for _, name := range publishedNames() {
				raw, err := os.ReadFile(filepath.Join(folder, name))
				g.Expect(err).NotTo(HaveOccurred())
				files[name] = raw
			}
			files["report.json"] = append(files["report.json"], '\n')
			g.Expect(writePublished(folder, files)).To(Succeed())
		}, "was not let through by the gate whose answer is beside it"},
	} {
		t.Run(name, func(t *testing.T) {
			g, dir := NewWithT(t), t.TempDir()
			folder, err := published(t, ran(t, "1", "1.31.1 v1.36.3", nil), dir)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(errors.Join(breaches(dir)...)).To(Succeed())
			c.edit(g, folder)
			g.Expect(errors.Join(breaches(dir)...)).To(MatchError(ContainSubstring(c.says)))
		})
	}
}

func TestNearest(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	put := func(id, istio, kubernetes string, change func(*Report)) string {
		folder, err := published(t, ran(t, id, istio+" "+kubernetes, change), dir)
		g.Expect(err).NotTo(HaveOccurred())
		return filepath.Join(folder, "report.json")
	}
	candidate := func(istio, kubernetes string) Report {
		r := reportOf(one("a", Passed, ""))
		r.Run.ID = "now"
		r.Testbed = Testbed{Istio: istio, Kubernetes: kubernetes, Envoy: "1.40.0", ImageSource: "packages"}
		return r
	}
	_, err := Nearest(dir, candidate("1.31.1", "v1.36.3"))
	g.Expect(err).To(MatchError(ErrNoBaseline))
	g.Expect(err).To(MatchError(ContainSubstring("name one with BASELINE=FILE, or make this one the first with `make publish`")))

	old, older := put("1", "1.31.1", "v1.36.3", nil), put("2", "1.30.2", "v1.36.3", nil)
	next, narrow := put("3", "1.31.1", "v1.35.0", nil), put("4", "1.32.0-rc.1", "v1.36.3", nil)
	newerEnvoy := put("5", "1.30.2", "v1.36.3", func(r *Report) { r.Testbed.Envoy = "1.41.0" })
	official := put("6", "1.31.1", "v1.36.3", func(r *Report) { r.Testbed.ImageSource, r.Testbed.Envoy = "registry", "istio-proxy 1.31.1" })
	first, second := put("7", "1.33.0-ffffffffffff", "v1.36.3", nil), put("8", "1.33.0-000000000000", "v1.36.3", func(r *Report) { r.Run.Started = today })
	for name, c := range map[string]struct {
		istio, kubernetes, want string
		change                  func(*Report)
	}{
		"the same":                         {"1.31.1", "v1.36.3", old, nil},
		"another Kubernetes":               {"1.31.1", "v1.35.4", next, nil},
		"a newer Istio":                    {"1.31.9", "v1.37.0", old, nil},
		"a release after its candidate":    {"1.32.0", "v1.36.3", narrow, nil},
		"a candidate before":               {"1.32.0-beta.0", "v1.36.3", old, nil},
		"older than all: the lowest":       {"1.29.0", "v1.36.3", older, nil},
		"a build of main":                  {"main", "v1.36.3", second, nil},
		"the same commit":                  {"1.33.0-ffffffffffff", "v1.36.3", first, nil},
		"another commit: the newest run":   {"1.33.0-888888888888", "v1.36.3", second, nil},
		"between":                          {"1.31.0", "v1.36.3", older, nil},
		"another Envoy":                    {"1.30.2", "v1.36.3", newerEnvoy, func(r *Report) { r.Testbed.Envoy = "1.42.0" }},
		"official images, and nothing but": {"1.30.0", "v1.36.3", official, func(r *Report) { r.Testbed.ImageSource = "registry" }},
		"not its own run":                  {"1.31.1", "v1.36.3", next, func(r *Report) { r.Run.ID = "1" }},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := candidate(c.istio, c.kubernetes)
			if c.change != nil {
				c.change(&r)
			}
			baseline, err := Nearest(dir, r)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(baseline.File).To(Equal(c.want))
			g.Expect(baseline.Chosen).To(ContainSubstring("the nearest to Istio " + c.istio))
		})
	}

	g.Expect(os.WriteFile(filepath.Join(filepath.Dir(old), "report.html"), nil, 0o600)).To(Succeed())
	_, err = Nearest(dir, candidate("1.30.0", "v1.36.3"))
	g.Expect(err).To(MatchError(ContainSubstring("was edited since (report.html)")))
	_, err = Judge(older, Baseline{File: old}, GateOptions{Now: today})
	g.Expect(err).To(MatchError(ContainSubstring("was edited since (report.html)")), "also where it is named")
}

func TestACompatibilityVersionIsPublishedApart(t *testing.T) {
	g := NewWithT(t)
	bed := Testbed{Istio: "1.31.1", ImageSource: "packages", Kubernetes: "v1.36.3", Envoy: "1.40.0"}
	g.Expect(publishedFolder(bed)).To(Equal("1.31.1/packages/kubernetes-1.36.3-envoy-1.40.0"))
	bed.Compatibility = "1.30"
	g.Expect(publishedFolder(bed)).To(Equal("1.31.1/packages/kubernetes-1.36.3-envoy-1.40.0-compatibility-1.30"))
}
