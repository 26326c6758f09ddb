package selection_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/selection"
)

// fileOf is a file with the text.
func fileOf(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "versions.yaml")
	NewWithT(t).Expect(os.WriteFile(file, []byte(text), 0o600)).To(Succeed())
	return file
}

// told are rows with their names, a line each.
func told(rows []selection.Row) []string {
	var out []string
	for _, row := range rows {
		out = append(out, row.Name+": "+row.String())
	}
	return out
}

func TestRows(t *testing.T) {
	for name, c := range map[string]struct {
		versions string
		want     []string
	}{
		"a list": {" istio=A kubernetes=B ; ISTIO=A name=second; ", []string{"istio-A-kubernetes-B: istio=A kubernetes=B", "second: istio=A"}},
		"a product, the last knob first, without what is excluded": {fileOf(t, `
kubernetes: [1.36.3, 1.37.2]
istio: [A, B]
envoy: 1.40.0
exclude:
- {istio: B, kubernetes: 1.37.2}
`), []string{
			"istio-A-kubernetes-1.36.3-envoy-1.40.0: istio=A kubernetes=1.36.3 envoy=1.40.0",
			"istio-A-kubernetes-1.37.2-envoy-1.40.0: istio=A kubernetes=1.37.2 envoy=1.40.0",
			"istio-B-kubernetes-1.36.3-envoy-1.40.0: istio=B kubernetes=1.36.3 envoy=1.40.0",
		}},
		"1.30 is no number": {fileOf(t, "compatibility: [1.30, 1.3]"), []string{"compatibility-1.30: compatibility=1.30", "compatibility-1.3: compatibility=1.3"}},
		"entries": {fileOf(t, `
- {engine: [docker, podman]}
- {name: candidate, istio: "hub.example.com/istio:1.32", images: registry}
- istio: hub.example.com/istio:1.33
- {}
`), []string{
			"engine-docker: engine=docker", "engine-podman: engine=podman", "candidate: istio=hub.example.com/istio:1.32 images=registry",
			"istio-hub.example.com-istio-1.33: istio=hub.example.com/istio:1.33", "default: default",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			rows, err := selection.Rows(c.versions)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(told(rows)).To(Equal(c.want))
		})
	}
}

func TestRowsThatAreRefused(t *testing.T) {
	many := "[" + strings.TrimSuffix(strings.Repeat("x, ", 17), ", ") + "]"
	for name, c := range map[string]struct{ versions, says string }{
		"nothing":             {"", "a matrix needs rows: VERSIONS=FILE, or a list such as VERSIONS='istio=A kubernetes=B; istio=C'"},
		"no file":             {"/none.yaml", `VERSIONS="/none.yaml" is neither a file nor a list such as 'istio=A kubernetes=B; istio=C'`},
		"a folder":            {t.TempDir(), "the rows of the matrix cannot be read: "},
		"an unknown knob":     {"istoi=A", `there is no "istoi" in a row; did you mean istio?`},
		"nothing like it":     {"colour=A", `there is no "colour" in a row; it has istio, kubernetes, envoy, compatibility, images, engine, name`},
		"no value":            {"istio; envoy=A", `"istio" gives istio no value, or two`},
		"two values":          {"istio=A istio=B", `"istio=A istio=B" gives istio no value, or two`},
		"no rows":             {";", "VERSIONS=\";\" is neither"},
		"twice":               {"istio=A; envoy=B; istio=A name=again", "rows 1 and 3 are the same: istio=A"},
		"a name twice":        {"istio=A name=x; istio=B name=x", "rows 1 and 2 are both called x: give one another name"},
		"a name out of place": {"istio=A name=../x", `row 1 (istio=A) needs another name than "../x"`},
		"an endless name":     {"istio=" + strings.Repeat("x", 200), "needs another name than"},
		"no YAML":             {fileOf(t, "a: ["), "yaml: "},
		"no entries":          {fileOf(t, "- istio"), "an entry is a row, such as {istio: A, kubernetes: B}, and the file one or a list of them: "},
		"an empty file":       {fileOf(t, "# nothing\n"), "the matrix has no rows"},
		"a misspelt key":      {fileOf(t, "kubernets: A"), `entry 1 (kubernets): there is no "kubernets" in a row; did you mean kubernetes?`},
		"GitHub's include":    {fileOf(t, "include: [{istio: A}]"), `entry 1 (include): there is no "include" in a row`},
		"a key twice":         {fileOf(t, "istio: A\nISTIO: B"), "entry 1 (istio): it is there twice"},
		"an empty value":      {fileOf(t, "- envoy: A\n- istio:\n"), "entry 2 (istio): it has no value"},
		"no values":           {fileOf(t, "istio: []"), "entry 1 (istio): it has no value"},
		"values in values":    {fileOf(t, "istio: {a: b}"), "entry 1 (istio): "},
		"a name for many":     {fileOf(t, "name: x\nistio: [A, B]"), "entry 1 makes 2 rows and gives them one name"},
		"excludes nothing":    {fileOf(t, "istio: [A, B]\nexclude: [{istio: C}]"), "entry 1 (exclude): item 1 leaves out all rows, or none"},
		"excludes all":        {fileOf(t, "istio: [A, B]\nexclude: [{}]"), "entry 1 (exclude): item 1 leaves out all rows, or none"},
		"excludes who knows":  {fileOf(t, "istio: [A, B]\nexclude: [{isto: A}]"), `entry 1 (exclude): there is no "isto" in a row; did you mean istio?`},
		"too many":            {fileOf(t, fmt.Sprintf("istio: %s\nenvoy: %[1]s", many)), "entry 1 makes more than 256 rows"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := selection.Rows(c.versions)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(c.says)))
		})
	}
}

// Whatever a file holds, it is refused or makes rows that can be told apart, and folders that are where they should be.
func FuzzRows(f *testing.F) {
	f.Add("- {istio: [A, B], exclude: [{istio: A}]}\n- name: x\n  compatibility: 1.30\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := selection.Rows(fileOf(t, text))
		g := NewWithT(t)
		g.Expect(rows == nil).To(Equal(err != nil))
		g.Expect(len(rows)).To(BeNumerically("<=", 256))
		for _, row := range rows {
			g.Expect(filepath.IsLocal(row.Name)).To(BeTrue(), row.Name)
		}
	})
}
