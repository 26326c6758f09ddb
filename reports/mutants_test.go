package reports

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestMutantLog(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	list, err := CreateLog[Mutant](dir, MutantsFile, hide)
	g.Expect(err).NotTo(HaveOccurred())
	noticed := Mutant{ID: "a/b/c", LeftOut: "Apply one.yaml", Verdict: Failed, NoticedBy: `Ask: it is top "secret"` + strings.Repeat("x", 2<<20)}
	inert := Mutant{ID: "a/b/c", LeftOut: "Apply two.yaml", Verdict: Passed, Inert: "the page needs it for another section"}
	survived := Mutant{ID: "a/b/d", LeftOut: "Delete", Verdict: Passed}
	for _, m := range []Mutant{noticed, inert, survived} {
		g.Expect(list.Record(m)).To(Succeed())
	}
	g.Expect(list.Close()).To(Succeed())

	all, err := ReadLog[Mutant](dir, MutantsFile)
	g.Expect(err).NotTo(HaveOccurred())
	noticed.NoticedBy = "Ask: it is removed" + strings.Repeat("x", 2<<20)
	g.Expect(all).To(Equal([]Mutant{noticed, inert, survived}))
	g.Expect([]Fate{noticed.Fate(), inert.Fate(), survived.Fate()}).To(Equal([]Fate{Noticed, Inert, Survived}))

	table := MutantsTable(all)
	g.Expect(table).To(ContainSubstring("## Survived\n\n| scenario | left out |\n|---|---|\n| a/b/d | Delete |\n"))
	g.Expect(table).To(ContainSubstring("| a/b/c | Apply two.yaml | the page needs it for another section |"))
	g.Expect(table).To(ContainSubstring("| a/b/c | Apply one.yaml | failed | Ask: it is removedx"))
}
