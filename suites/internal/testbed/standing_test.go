package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// onlyPodman puts a podman on the PATH that works and holds one container of one cluster, or none. It returns what it was called with.
func onlyPodman(t *testing.T, cluster string, created time.Time) (calls string) {
	t.Helper()
	dir := t.TempDir()
	calls = filepath.Join(dir, "calls")
	script := fmt.Sprintf(`#!/bin/sh
echo "$*" >>%s
case "$1 $2 $*" in
info*) echo '{"host":{"cgroupVersion":"v2"},"store":{"graphRoot":"/"},"version":{"Version":"5.4.0"}}' ;;
"inspect --format"*) echo "true $$" ;;
*label=io.x-k8s.kind.cluster=%s*) [ -e %s/gone ] || echo abc ;;
"inspect --type"*) printf '%s-control-plane\tabc\t%s\ttrue\n' ;;
version*) echo 5.4.0 ;;
esac
`, calls, cluster, dir, cluster, created.Format(time.RFC3339Nano))
	g := NewWithT(t)
	g.Expect(os.WriteFile(filepath.Join(dir, "podman"), []byte(script), 0o755)).To(Succeed())
	t.Setenv("PATH", dir)
	t.Setenv(engine.ConfigEnv, "")
	t.Setenv(ClusterEnv, "")
	return calls
}

func TestUpRefusesAForeignCluster(t *testing.T) {
	g := NewWithT(t)
	atHome(t, DefaultCluster)
	calls := onlyPodman(t, DefaultCluster, time.Now())
	_, err := Up(t.Context(), Options{})
	g.Expect(err).To(MatchError(ErrForeign))
	g.Expect(err).To(MatchError("preflight: a cluster meshproof stands that was not made by meshproof: " +
		"choose another name with MESHPROOF_CLUSTER=NAME, or delete it with: kind delete cluster --name meshproof"))
	_, err = Adopt(t.Context(), Options{})
	g.Expect(err).To(MatchError(ErrForeign))
	g.Expect(Down(t.Context(), Options{})).To(MatchError(ErrForeign))
	g.Expect(Sweep(t.Context(), Options{})).To(BeEmpty())

	text, err := os.ReadFile(calls)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).NotTo(Or(ContainSubstring("kill"), ContainSubstring("rm -f -v abc"), ContainSubstring("rm -f -v meshproof-control-plane")))
	t.Setenv(images.RegistryEnv, "127.0.0.1:1")
	g.Expect(Doctor(t.Context(), Options{})).To(ContainElement(And(
		HaveField("Subject", "cluster"), HaveField("Fix", ContainSubstring("choose another name")))))
}

func TestARecordOfAnotherClusterProvesNothing(t *testing.T) {
	g := NewWithT(t)
	h := atHome(t, DefaultCluster)
	onlyPodman(t, DefaultCluster, time.Now().Add(-time.Hour))
	g.Expect(h.write(ownerFile, owner{Made: time.Now(), Engine: engine.Podman})).To(Succeed())
	g.Expect(Down(t.Context(), Options{})).To(MatchError(ErrForeign))
	g.Expect(h.file(ownerFile)).To(BeAnExistingFile())
}

func TestNothingToTakeDown(t *testing.T) {
	g := NewWithT(t)
	h := atHome(t, DefaultCluster)
	onlyPodman(t, "somebody-elses", time.Now())
	g.Expect(Down(t.Context(), Options{})).To(Succeed())
	g.Expect(Down(t.Context(), Options{})).To(Succeed())
	g.Expect(Sweep(t.Context(), Options{})).To(BeEmpty())
	g.Expect(h.dir).NotTo(BeADirectory())
	_, err := Adopt(t.Context(), Options{})
	g.Expect(err).To(MatchError(ErrNoBed))
}

func TestSweepTakesWhatNobodyComesBackFor(t *testing.T) {
	g := NewWithT(t)
	half := atHome(t, "half")
	kept, err := homeOf("kept")
	g.Expect(err).NotTo(HaveOccurred())
	onlyPodman(t, "somebody-elses", time.Now())
	g.Expect(half.write(ownerFile, owner{Made: time.Now(), Engine: engine.Podman, Keep: true})).To(Succeed())
	g.Expect(kept.write(ownerFile, owner{Made: time.Now(), Engine: engine.Podman, Keep: true, Complete: true})).To(Succeed())
	g.Expect(Sweep(t.Context(), Options{})).To(Equal([]string{"cluster half"}))
	g.Expect(half.dir).NotTo(BeADirectory())
	g.Expect(kept.dir).To(BeADirectory())
	g.Expect(Sweep(t.Context(), Options{})).To(BeEmpty())
}

func TestSweepLeavesAloneWhatSomebodyWorksOn(t *testing.T) {
	g := NewWithT(t)
	h := atHome(t, "busy")
	onlyPodman(t, "somebody-elses", time.Now())
	g.Expect(h.write(ownerFile, owner{Made: time.Now(), Engine: engine.Podman})).To(Succeed())
	claim, err := h.claim("make e2e")
	g.Expect(err).NotTo(HaveOccurred())
	defer claim.Release()
	g.Expect(Sweep(t.Context(), Options{})).To(BeEmpty())
	g.Expect(h.dir).To(BeADirectory())
}

func TestOptions(t *testing.T) {
	g := NewWithT(t)
	t.Setenv(ClusterEnv, "")
	o, err := Options{}.complete()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(o).To(And(HaveField("Cluster", DefaultCluster), HaveField("Engine", engine.Auto), HaveField("RunID", Not(BeEmpty()))))
	t.Setenv(ClusterEnv, "second")
	o, err = Options{}.complete()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(o.Cluster).To(Equal("second"))
	for _, name := range []string{"Upper", "-dash", "dash-", "a/b", "..", "a123456789012345678901234567890123456789012345678901"} {
		_, err = Options{Cluster: name}.complete()
		g.Expect(err).To(MatchError(ContainSubstring("cannot be the name of a cluster")), name)
	}
}
