package pagecheck

import (
	"testing"
	"testing/fstest"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestComplete(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Complete(scenario.Page{Name: "none"}, "egress/wildcard/")).NotTo(Succeed())
}

func TestImages(t *testing.T) {
	g := NewWithT(t)
	manifests := fstest.MapFS{"a/pod.yaml": {Data: []byte("spec:\n  containers:\n  - image: one\n")}}
	g.Expect(Images(manifests, "one", "two")).To(Succeed())
	g.Expect(Images(manifests, "two")).To(MatchError(ContainSubstring("a/pod.yaml names the image one")))
	g.Expect(Images(fstest.MapFS{"a.yaml": {Data: []byte("kind: Service\n")}}, "one")).To(MatchError("no manifest names an image"))
}
