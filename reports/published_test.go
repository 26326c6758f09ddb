package reports

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

// breaches lists what in a folder of published reports is against the rules of published/README.md.
func breaches(dir string) (errs []error) {
	tree := os.DirFS(dir)
	folders, err := fs.Glob(tree, "*/*")
	if err != nil {
		return []error{err}
	}
	for _, folder := range folders {
		for _, name := range formNames() {
			if _, err := fs.Stat(tree, path.Join(folder, name)); err != nil {
				errs = append(errs, err)
			}
		}
		if _, err := fs.Stat(tree, path.Join(folder, evidenceName)); err == nil {
			errs = append(errs, fmt.Errorf("%s holds evidence", folder))
		}
		r, err := Read(filepath.Join(dir, folder, "report.json"))
		errs = append(errs, err)
		if err == nil {
			errs = append(errs, Gate(r, nil, GateOptions{}).Err())
		}
		if _, err := fs.Stat(tree, path.Join(folder, r.Testbed.SBOM)); err != nil {
			errs = append(errs, err)
		}
		if want := path.Join(r.Testbed.Istio, r.Testbed.ImageSource); want != folder {
			errs = append(errs, fmt.Errorf("%s is a report of %s", folder, want))
		}
	}
	return errs
}

func TestPublishedReportsKeepTheRules(t *testing.T) {
	NewWithT(t).Expect(errors.Join(breaches("published")...)).To(Succeed())
}

func TestBreachesAreFound(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	good := reportOf(one("a", Passed, ""))
	good.Testbed = Testbed{Istio: "1.31.1", ImageSource: "packages"}
	g.Expect(Write(filepath.Join(dir, "1.31.1", "packages"), good)).To(Succeed())
	g.Expect(errors.Join(breaches(dir)...)).To(Succeed())

	g.Expect(Write(filepath.Join(dir, "1.32.0", "registry"), sample())).To(Succeed())
	g.Expect(os.Remove(filepath.Join(dir, "1.32.0", "registry", "report.md"))).To(Succeed())
	g.Expect(os.Mkdir(filepath.Join(dir, "1.31.1", "packages", evidenceName), 0o755)).To(Succeed())
	g.Expect(errors.Join(breaches(dir)...)).To(MatchError(And(
		ContainSubstring("1.31.1/packages holds evidence"),
		ContainSubstring("report.md: no such file"),
		ContainSubstring(SBOMFile+": no such file"),
		ContainSubstring("the gate is closed"),
		ContainSubstring("1.32.0/registry is a report of 1.31.1/packages"),
	)))
}
