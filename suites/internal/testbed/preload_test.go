package testbed

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// nodeOfStargz puts a podman on the PATH that holds one node, whose containerd keeps images by another snapshotter than containerd's default.
func nodeOfStargz(t *testing.T) (b *builder, calls, imported string) {
	t.Helper()
	g := NewWithT(t)
	dir := t.TempDir()
	calls, imported = filepath.Join(dir, "calls"), filepath.Join(dir, "imported")
	script := `#!/bin/sh
echo "$*" >>` + calls + `
case "$*" in
*"containerd config dump"*) printf 'version = 3\n[plugins."io.containerd.cri.v1.images"]\nsnapshotter = "stargz"\n' ;;
*"images import"*) while IFS= read -r line || [ -n "$line" ]; do printf %s "$line" >>` + imported + `; done ;;
ps*) echo users-control-plane ;;
inspect*) echo control-plane ;;
esac
`
	g.Expect(os.WriteFile(filepath.Join(dir, "podman"), []byte(script), 0o755)).To(Succeed())
	t.Setenv("PATH", dir)
	archive := filepath.Join(dir, "preload.tar")
	g.Expect(os.WriteFile(archive, []byte("images"), 0o600)).To(Succeed())
	e := &engine.Engine{Name: engine.Podman, Program: filepath.Join(dir, "podman")}
	return &builder{Bed: Bed{Name: "users", Engine: e, node: "users-control-plane", Set: images.Set{Preload: []string{archive}}}}, calls, imported
}

func TestImagesAreImportedWithTheSnapshotterOfTheNode(t *testing.T) {
	g := NewWithT(t)
	b, calls, imported := nodeOfStargz(t)
	g.Expect(b.preload(t.Context())).To(Succeed())
	g.Expect(os.ReadFile(imported)).To(BeEquivalentTo("images"))
	text, err := os.ReadFile(calls)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(strings.Split(string(text), "\n")).To(ContainElement(And(
		HavePrefix("exec "), HaveSuffix("users-control-plane ctr --namespace=k8s.io images import --all-platforms --digests --snapshotter=stargz -"))))
}

func TestAnImportSaysWhatItCouldNotImportAndEndsWithTheContext(t *testing.T) {
	g := NewWithT(t)
	b, _, _ := nodeOfStargz(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g.Expect(b.preload(ctx)).To(MatchError(context.Canceled))
	b.Set.Preload = []string{"/nowhere/preload.tar"}
	g.Expect(b.preload(t.Context())).To(MatchError(ContainSubstring("import /nowhere/preload.tar into users-control-plane")))
}
