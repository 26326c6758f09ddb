package testbed

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// about are the findings of one subject.
func about(findings []Finding, subject string) []Finding {
	var all []Finding
	for _, f := range findings {
		if f.Subject == subject {
			all = append(all, f)
		}
	}
	return all
}

func TestTheDoctorTellsOfImagesAndChangesNothing(t *testing.T) {
	g := NewWithT(t)
	startLoopback(t)
	missing := filepath.Join(t.TempDir(), "cache")
	t.Setenv("MESHPROOF_CACHE", missing)
	h := atHome(t, DefaultCluster)
	path := os.Getenv("PATH")
	onlyPodman(t, "another", time.Now())
	t.Setenv("PATH", os.Getenv("PATH")+":"+path) // our own programs are looked at with Go
	found := Doctor(t.Context(), Options{Engine: engine.Podman, Images: images.Choice{Source: images.Registry}})

	g.Expect(about(found, "images")).To(ConsistOf(Finding{Subject: "images", Saw: "from registry: it was asked for"}))
	g.Expect(about(found, "official images")).To(ConsistOf(And(HaveField("Fix", ""), HaveField("Saw", HaveSuffix(" has all 7")))))
	g.Expect(about(found, "cluster")).To(ConsistOf(HaveField("Saw", "none of ours stands")))
	g.Expect(about(found, "network policies")).To(ConsistOf(HaveField("Saw", "whether they are enforced is proven when a testbed comes up")))
	g.Expect(about(found, "cached")).To(BeEmpty())
	g.Expect(about(found, "not cached")).To(ContainElement(HaveField("Saw", "node image")))
	g.Expect(about(found, "cache")).To(ConsistOf(HaveField("Saw", missing+" holds 0 MiB, earlier images among them")))
	g.Expect(about(found, "first run")).To(ConsistOf(HaveField("Saw", HaveSuffix("node image, istioctl and workload images to fetch or unpack, once"))))
	g.Expect(missing).NotTo(BeADirectory())
	state, err := stateFolder()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(state).NotTo(BeADirectory())
	g.Expect(h.dir).NotTo(BeADirectory())
}

// Official images that cannot be had are in the way only of those who need them.
func TestTheDoctorFailsOnlyWhereARunWould(t *testing.T) {
	l, h, _ := kept(t)
	l.in(moods["gone"])
	cached := os.Getenv("MESHPROOF_CACHE")
	empty := t.TempDir()
	for name, test := range map[string]struct {
		images, cache string
		ok            bool
	}{
		"official images in the cache": {"registry", cached, true},
		"official images asked for":    {"registry", empty, false},
		"a kept cluster of them":       {"auto", cached, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			t.Setenv("MESHPROOF_CACHE", test.cache)
			official := about(Doctor(t.Context(), Options{Engine: engine.Podman, Images: images.Choice{Source: test.images}}), "official images")
			g.Expect(official).To(ConsistOf(And(HaveField("Saw", ContainSubstring("not to be had")), HaveField("Fix", ContainSubstring(images.RegistryEnv)))))
			g.Expect(official[0].OK()).To(Equal(test.ok))
		})
	}

	g := NewWithT(t)
	policies := func() []Finding {
		return about(Doctor(t.Context(), Options{Engine: engine.Podman}), "network policies")
	}
	g.Expect(policies()).To(ConsistOf(HaveField("Saw", ContainSubstring("is proven when"))), "a record that is not there proves nothing")
	g.Expect(h.write(policiesFile, "")).To(Succeed())
	g.Expect(policies()).To(ConsistOf(HaveField("Saw", "enforced, as cluster meshproof has proven")))
	g.Expect(h.write(policiesFile, "a probe got through")).To(Succeed())
	g.Expect(policies()).To(ConsistOf(And(HaveField("Saw", "a probe got through"), HaveField("Fix", ContainSubstring("unverifiable")), HaveField("Spare", true))))
}

// planned is a source that builds one of two pieces.
type planned struct {
	images.Source
	fails error
}

func (planned) Name() string { return "packages" }

func (p planned) Prepare(_ context.Context, report images.Progress) (images.Set, error) {
	report(images.Event{State: images.Planned, Total: 2, Pieces: []images.Piece{{What: "istio", Cached: true}, {What: "node image"}}})
	report(images.Event{What: "istio", State: images.Started, Total: 2})
	report(images.Event{What: "istio", State: images.Cached, Done: 1, Total: 2})
	report(images.Event{What: "node image", State: images.Started, Done: 1, Total: 2})
	state := images.Done
	if p.fails != nil {
		state = images.Failed
	}
	report(images.Event{What: "node image", State: state, Took: 15 * time.Second, Done: 2, Total: 2})
	return images.Set{Source: "packages"}, p.fails
}

func TestTheFirstRunSaysWhatItWaitsFor(t *testing.T) {
	g := NewWithT(t)
	var told diary
	set, err := GetImages(t.Context(), planned{}, "it was asked for", &told)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(set.Source).To(Equal("packages"))
	g.Expect(told.lines).To(HaveExactElements(
		"begin images",
		"images: packages: it was asked for",
		MatchRegexp(`^images: about [0-9]+ s on [0-9]+ cores? to build node image, once$`),
		"asked images: 0 of 2 done",
		"images: node image done after 15.0 s (2 of 2)",
		"end images <nil>"))

	broken := errors.New("broken")
	_, err = GetImages(t.Context(), planned{fails: broken}, "", &diary{})
	g.Expect(err).To(MatchError(broken))
}
