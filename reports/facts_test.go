package reports

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestTheHeaderSaysHowToHaveACandidateAgain(t *testing.T) {
	g := NewWithT(t)
	const candidate = "ISTIO=r.example/rc:1 is Istio 1.32.0; the same again: ISTIO=r.example/rc/pilot@sha256:1"
	older := Report{Testbed: Testbed{Istio: "1.31.1"}}
	newer := Report{Testbed: Testbed{Istio: "1.32.0", Candidates: []string{candidate}}}
	g.Expect(newer.Testbed.versions()).To(ContainElement(fact{"Candidate", candidate}))
	g.Expect(markdownHeader(newer)).To(ContainSubstring("the same again: ISTIO=r.example/rc/pilot&#64;sha256:1"))
	g.Expect(markdownHeader(older)).NotTo(ContainSubstring("Candidate"))
}
