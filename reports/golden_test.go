package reports

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

// `go test ./reports -update`, or `make update-golden PKG=./reports`.
var update = flag.Bool("update", os.Getenv("UPDATE_GOLDEN") != "", "write the golden files anew")

// golden holds got against testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	g := NewWithT(t)
	file := filepath.Join("testdata", name)
	if *update {
		g.Expect(os.MkdirAll("testdata", 0o755)).To(Succeed())
		g.Expect(os.WriteFile(file, got, 0o644)).To(Succeed())
	}
	want, err := os.ReadFile(file)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(got)).To(Equal(string(want)), "testdata/%s differs; if that is meant: make update-golden PKG=./reports, and read the diff", name)
}

func TestForms(t *testing.T) {
	for _, f := range forms() {
		t.Run(f.Name, func(t *testing.T) {
			got, err := f.Render(sample())
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
			golden(t, f.Name, got)
		})
	}
}
