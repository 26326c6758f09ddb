package engine_test

import (
	"encoding/json"
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
