package testbed

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/testbed/mesh"
)

// listedImages is what ctr 2.2 prints.
const listedImages = `REF                      TYPE                                       DIGEST   SIZE     PLATFORMS   LABELS
localhost/curl:v1        application/vnd.oci.image.manifest.v1+json sha256:1 45.1 MiB linux/amd64 io.cri-containerd.image=managed
registry.k8s.io/pause:3  application/vnd.oci.image.manifest.v1+json sha256:2 312 KiB  linux/amd64 -
`

func TestImagesOfTheNode(t *testing.T) {
	g := NewWithT(t)
	g.Expect(parseImages(listedImages)).To(Equal(map[string]string{"localhost/curl:v1": "sha256:1", "registry.k8s.io/pause:3": "sha256:2"}))
	for _, other := range []string{"", "IMAGE ID\nx y\n", "REF DIGEST TYPE\n"} {
		_, err := parseImages(other)
		g.Expect(err).To(MatchError(ContainSubstring("in a form that nobody knows")), other)
	}
}

func said(version string) []mesh.Said { return []mesh.Said{{Who: "it", Version: version}} }

func runs(kubernetes, istio, envoy string) running {
	return running{
		mesh.Running{Kubernetes: said(kubernetes), Istiod: said(istio), Agents: said(istio), Envoys: said(envoy)},
		map[string]string{"localhost/curl:v1": "sha256:1"},
	}
}

func TestWhatRunsIsComparedWithWhatWasAskedFor(t *testing.T) {
	own := images.Set{
		Kubernetes: "v1.36.3", Istio: "1.31.0-eed52ebb66ad", Envoy: "1.39.3", StockEnvoy: true,
		Images: []images.Image{{Reference: "localhost/curl:v1", Digest: "sha256:1"}},
	}
	official := own
	official.Istio, official.Envoy, official.StockEnvoy, official.Preload = "1.31.1", "istio-proxy 1.31.1", false, []string{"preload.tar"}
	official.Images = []images.Image{{Reference: "localhost/curl:v1", Digest: "sha256:before it was imported"}}
	rehearsed := official
	rehearsed.StandIns = map[string]images.StandIn{"istio/pilot:1.31.1": {}}
	edited := runs("v1.36.3", "1.31.0-eed52ebb66ad", "1.39.3")
	edited.digests = map[string]string{"localhost/curl:v1": "sha256:2"}
	bare := runs("v1.36.3", "1.31.0-eed52ebb66ad", "1.39.3")
	bare.digests = nil
	for name, test := range map[string]struct {
		set  images.Set
		runs running
		want []string
	}{
		"as it was asked for":    {own, runs("v1.36.3", "1.31.0-eed52ebb66ad", "1.39.3"), nil},
		"another Envoy":          {own, runs("v1.36.3", "1.31.0-eed52ebb66ad", "1.40.0"), []string{"it runs Envoy 1.40.0, not 1.39.3"}},
		"another Kubernetes":     {own, runs("v1.35.4", "1.31.0-eed52ebb66ad", "1.39.3"), []string{"it runs Kubernetes v1.35.4, not v1.36.3"}},
		"istiod and agents":      {own, runs("v1.36.3", "1.30.8", "1.39.3"), []string{"it runs Istio 1.30.8, not 1.31.0-eed52ebb66ad", "it runs Istio 1.30.8, not 1.31.0-eed52ebb66ad"}},
		"nobody says":            {own, runs("v1.36.3", "1.31.0-eed52ebb66ad", ""), []string{"it runs Envoy of no version, not 1.39.3"}},
		"another image":          {own, edited, []string{"the node holds localhost/curl:v1 with the digest sha256:2, not sha256:1"}},
		"an image is missing":    {own, bare, []string{"the node does not hold localhost/curl:v1"}},
		"official":               {official, runs("v1.36.3", "1.31.1", "1.39.1-dev"), nil},
		"another official Istio": {official, runs("v1.36.3", "1.31.2", "1.39.1-dev"), []string{"it runs Istio 1.31.2, not 1.31.1", "it runs Istio 1.31.2, not 1.31.1"}},
		"a stand-in's Istio":     {rehearsed, runs("v1.36.3", "1.31.0-eed52ebb66ad", "1.40.0"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(test.runs.unlike(test.set, "")).To(Equal(test.want))
		})
	}
	g := NewWithT(t)
	older := runs("v1.36.3", "1.31.0-eed52ebb66ad", "1.39.3")
	g.Expect(older.unlike(own, "1.30")).To(Equal([]string{`Istio is installed with compatibilityVersion "", not "1.30"`}))
	older.Compatibility = "1.30"
	g.Expect(older.unlike(own, "1.30")).To(BeEmpty())
	g.Expect(runs("", "1.31.0", "1.39.3").envoy(own)).To(Equal("1.39.3"))
	g.Expect(runs("", "1.31.1", "1.39.1-dev").envoy(official)).To(Equal("istio-proxy 1.31.1 (Envoy 1.39.1-dev)"))
}
