package mesh

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestIstiodsVersion(t *testing.T) {
	for answer, want := range map[string]string{
		"1.31.1-0f2d8f0a1d4be9d3e2c6ab3f12bd7e5fbb2bd9d0-Clean\n": "1.31.1",
		"1.31.0-eed52ebb66ad-unknown-unknown":                     "1.31.0-eed52ebb66ad",
		"1.32-alpha.3f1c-0f2d8f0a-Modified":                       "1.32-alpha.3f1c",
		"1.31.1":                                                  "1.31.1",
		"":                                                        "",
	} {
		NewWithT(t).Expect(istiodVersion(answer)).To(Equal(want), answer)
	}
}

func TestVersionsAreNamedOnce(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Versions([]Said{{"a", "1.40.0"}, {"b", "1.40.0"}})).To(Equal("1.40.0"))
	g.Expect(Versions([]Said{{"a", "1.40.0"}, {"b", "1.39.3"}})).To(Equal("1.39.3, 1.40.0"))
	g.Expect(Versions(nil)).To(BeEmpty())
}
