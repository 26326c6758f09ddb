package engine_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

func TestHolds(t *testing.T) {
	g := NewWithT(t)
	const reference = "localhost/meshproof/node:v1"
	image, err := random.Image(64, 2)
	g.Expect(err).NotTo(HaveOccurred())
	archive := filepath.Join(t.TempDir(), "node.tar")
	g.Expect(tarball.WriteToFile(archive, name.MustParseReference(reference), image)).To(Succeed())
	config, err := image.ConfigFile()
	g.Expect(err).NotTo(HaveOccurred())
	layers, err := json.Marshal(config.RootFS.DiffIDs)
	g.Expect(err).NotTo(HaveOccurred())

	for what, test := range map[string]struct {
		answer string // of image inspect
		want   bool
	}{
		"the same": {"echo '" + string(layers) + "'", true},
		"another":  {`echo '["sha256:00"]'`, false},
		"none":     {"exit 1", false},
	} {
		t.Run(what, func(t *testing.T) {
			g := NewWithT(t)
			scripts(t, map[string]string{"podman": `if [ "$1" = image ]; then ` + test.answer + "; exit; fi\n" + podman})
			e, err := engine.Finder{Folder: t.TempDir(), Host: everything()}.Find(t.Context(), "podman")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(e.Holds(t.Context(), reference, archive)).To(Equal(test.want))
		})
	}
}

func TestLoadSaysWhatItCouldNotLoad(t *testing.T) {
	g := NewWithT(t)
	scripts(t, map[string]string{"podman": `if [ "$1" = load ]; then echo 'Error: unexpected EOF' >&2; exit 125; fi` + "\n" + podman})
	e, err := engine.Finder{Folder: t.TempDir(), Host: everything()}.Find(t.Context(), "podman")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.Load(t.Context(), "/cache/node.tar")).To(MatchError(And(
		HavePrefix("podman cannot load /cache/node.tar: "), HaveSuffix("unexpected EOF"))))
}

// A docker from a snap cannot open what is in a hidden folder: it is given the bytes, through a pipe.
func TestDockerLoadsThroughAPipe(t *testing.T) {
	g := NewWithT(t)
	dir := filepath.Join(t.TempDir(), ".cache")
	g.Expect(os.Mkdir(dir, 0o755)).To(Succeed())
	archive, got := filepath.Join(dir, "node.tar"), filepath.Join(dir, "got")
	g.Expect(os.WriteFile(archive, []byte("layers"), 0o600)).To(Succeed())
	calls := scripts(t, map[string]string{"docker": `if [ "$1" = load ]; then
[ -p /dev/stdin ] || { echo 'no pipe' >&2; exit 1; }
while IFS= read -r line || [ -n "$line" ]; do printf %s "$line" >` + got + `; done
exit
fi` + "\n" + docker})
	e, err := engine.Finder{Folder: t.TempDir(), Host: everything()}.Find(t.Context(), "docker")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.Load(t.Context(), archive)).To(Succeed())
	g.Expect(os.ReadFile(got)).To(BeEquivalentTo("layers"))
	text, err := os.ReadFile(calls)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(HaveSuffix("docker load\n"), "no path")
	g.Expect(e.Load(t.Context(), "/nowhere/node.tar")).To(MatchError(os.ErrNotExist))
}
