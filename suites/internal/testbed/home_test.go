package testbed

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// atHome is the home of a cluster in a state folder of this test's own.
func atHome(t *testing.T, cluster string) home {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	h, err := homeOf(cluster)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return h
}

// A kept cluster says the same when the cache was emptied meanwhile.
func TestWhatAClusterWasMadeOfIsKeptWithIt(t *testing.T) {
	g, b := NewWithT(t), &builder{home: home{cluster: "one", dir: t.TempDir()}}
	bill := filepath.Join(t.TempDir(), sbomFile)
	g.Expect(os.WriteFile(bill, []byte("{}"), 0o600)).To(Succeed())
	b.Set = images.Set{SBOM: bill, Provenance: []images.Provenance{{What: []string{"curl"}}}}
	for range 2 { // when it is made, and when it is adopted
		g.Expect(b.keepSet()).To(Succeed())
		g.Expect(os.RemoveAll(bill)).To(Succeed())
		var held images.Set
		g.Expect(b.home.read(setFile, &held)).To(Succeed())
		g.Expect(held.Provenance).To(Equal(b.Set.Provenance))
		g.Expect(os.ReadFile(held.SBOM)).To(BeEquivalentTo("{}"))
	}
	b.Set.SBOM = "/nowhere"
	g.Expect(b.keepSet()).To(MatchError(HavePrefix("keep the bill of materials of cluster")))
}

func TestOwnerIsKept(t *testing.T) {
	g := NewWithT(t)
	h := atHome(t, "one")
	_, found, err := h.owner()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found).To(BeFalse())

	wrote := owner{RunID: "r", Made: time.Now().UTC(), Engine: "podman", Maker: thisProcess(), Keep: true}
	g.Expect(h.write(ownerFile, wrote)).To(Succeed())
	read, found, err := h.owner()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found).To(BeTrue())
	g.Expect(read).To(Equal(wrote))
	info, err := os.Stat(h.file(ownerFile))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(info.Mode().Perm()).To(BeEquivalentTo(0o600))

	g.Expect(os.WriteFile(h.file(ownerFile), []byte("{"), 0o600)).To(Succeed())
	_, _, err = h.owner()
	g.Expect(err).To(MatchError(ContainSubstring("read owner.json of cluster one")))
	g.Expect(h.remove()).To(Succeed())
	g.Expect(h.dir).NotTo(BeADirectory())
}

func TestOneAtATime(t *testing.T) {
	g := NewWithT(t)
	h := atHome(t, "one")
	claim, err := h.claim("make e2e")
	g.Expect(err).NotTo(HaveOccurred())
	_, err = h.claim("make drill")
	g.Expect(err).To(MatchError(And(
		MatchRegexp(`^cluster one: make e2e, process %d, has been at work on it since \d\d:\d\d:\d\d: `, os.Getpid()), ContainSubstring(ClusterEnv),
	)))
	heir, err := syscall.Dup(int(claim.File().Fd())) // as a process has it that was started with it
	g.Expect(err).NotTo(HaveOccurred())
	claim.Release()
	_, err = h.claim("make drill")
	g.Expect(err).To(HaveOccurred(), "a process that was started with it is still at work")
	g.Expect(syscall.Close(heir)).To(Succeed())
	claim, err = h.claim("make drill")
	g.Expect(err).NotTo(HaveOccurred())
	claim.Release()
}

func TestProcessIsAlive(t *testing.T) {
	g := NewWithT(t)
	mine := thisProcess()
	g.Expect(mine.alive()).To(BeTrue())
	another := mine
	another.Started = "1" // the same number, given away again
	g.Expect(another.alive()).To(BeFalse())
	another = mine
	another.Boot = "before"
	g.Expect(another.alive()).To(BeFalse())
	g.Expect(process{ID: 1 << 30, Boot: bootID()}.alive()).To(BeFalse())
}

func TestCovers(t *testing.T) {
	made := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	before, after := made.Add(-time.Minute), made.Add(time.Second)
	for name, test := range map[string]struct {
		record owner
		nodes  []engine.Node
		want   bool
	}{
		"the very node":           {owner{Made: made, Node: "a"}, []engine.Node{{ID: "a", Created: after}}, true},
		"another of that name":    {owner{Made: made, Node: "a"}, []engine.Node{{ID: "b", Created: after}}, false},
		"killed while creating":   {owner{Made: made}, []engine.Node{{ID: "a", Created: after}}, true},
		"older than the record":   {owner{Made: made}, []engine.Node{{ID: "a", Created: before}}, false},
		"later than that run":     {owner{Made: made}, []engine.Node{{ID: "a", Created: made.Add(buildTimeout)}}, false},
		"more than ours ever has": {owner{Made: made}, []engine.Node{{ID: "a", Created: after}, {ID: "b", Created: after}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(test.record.covers(test.nodes)).To(Equal(test.want))
		})
	}
}

func TestLeftBehind(t *testing.T) {
	gone := process{ID: 1 << 30, Started: "1", Boot: bootID()}
	for name, test := range map[string]struct {
		record owner
		want   bool
	}{
		"never finished":     {owner{Maker: thisProcess()}, true},
		"kept":               {owner{Complete: true, Keep: true, Maker: gone}, false},
		"its run goes on":    {owner{Complete: true, Maker: thisProcess()}, false},
		"its run was killed": {owner{Complete: true, Maker: gone}, true},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(test.record.leftBehind()).To(Equal(test.want))
		})
	}
}
