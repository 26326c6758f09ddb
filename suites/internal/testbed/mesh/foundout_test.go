package mesh

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestFoundOutHoldsForItsGeneration(t *testing.T) {
	g := NewWithT(t)
	var f foundOut[int]
	_, known := f.in(0)
	g.Expect(known).To(BeFalse(), "also the first generation begins with nothing")
	f.set(0, 7)
	value, known := f.in(0)
	g.Expect(known).To(BeTrue())
	g.Expect(value).To(Equal(7))
	_, known = f.in(1)
	g.Expect(known).To(BeFalse(), "a change has come since")
}
