package catalogue

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// The index is read whole, which proves that every line is in one row; and it is an index, not a copy of the documents.
func TestPassages(t *testing.T) {
	g := NewWithT(t)
	passages, err := Passages()
	g.Expect(err).NotTo(HaveOccurred())
	last := map[string]int{}
	for _, p := range passages {
		last[p.Document] = p.Lines.To
		g.Expect(len(strings.Fields(p.Words))).To(BeNumerically("<=", 6), "%s %s: %s", p.Document, p.Lines, p.Words)
		g.Expect(len([]rune(p.Words))).To(BeNumerically("<=", 40), "%s %s: %s", p.Document, p.Lines, p.Words)
	}
	g.Expect(last).To(Equal(map[string]int{"S1": 199, "S2": 1039, "S3": 450, "S4": 747}))
	for _, d := range Documents() {
		g.Expect(last).To(HaveKey(d.Name))
	}
}

func TestIndexRefuses(t *testing.T) {
	row := func(columns ...string) string { return strings.Join(columns, "\t") }
	first := row("S1", "1-2", "promise", "a few words", "aa.-", "egress/a#11,22 egress/b#33")
	for name, c := range map[string]struct{ rows, complaint string }{
		"a line without a row":       {first + "\n" + row("S1", "4", "prose", "", "bb", ""), "S1 4 comes after S1 1-2"},
		"a line in two rows":         {first + "\n" + row("S1", "2", "prose", "", "bb", ""), "S1 2 comes after S1 1-2"},
		"columns without a row":      {row("S1", "1@1-5", "prose", "", "bb", "") + "\n" + row("S1", "1@7-9", "prose", "", "bb", ""), "1@7-9 comes after"},
		"a beginning without a row":  {row("S1", "3", "prose", "", "bb", ""), "S1 3 comes after"},
		"lines of no form":           {row("S1", "1~2", "prose", "", "bb", ""), `"1~2" are no lines`},
		"a mark that nobody knows":   {row("S1", "1", "promisse", "", "bb", ""), "the mark is none of"},
		"a heading that is held":     {row("S1", "1", "heading", "", "bb", "egress/a#11"), "it promises something"},
		"held in part, by nothing":   {row("S1", "1", "part", "", "bb", ""), "held in part, by nothing"},
		"a sum too few":              {row("S1", "1-3", "prose", "", "bb.cc", ""), "2 sums for 3 lines"},
		"a column too few":           {row("S1", "1", "prose", "", "bb"), "5 columns"},
		"what continues nothing":     {row("S1", "1", "continued", "", "bb", ""), "continues nothing"},
		"a document that is not one": {first + "\n" + row("S2", "2", "prose", "", "bb", ""), "S2 2 comes after S1 1-2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseIndex(c.rows)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(c.complaint)))
		})
	}
	g := NewWithT(t)
	passages, err := parseIndex(first + "\n" + row("S1", "3", "continued", "", "bb", "") + "\n")
	g.Expect(err).NotTo(HaveOccurred())
	held := []Hold{{"egress/a", []string{"11", "22"}}, {"egress/b", []string{"33"}}}
	g.Expect(passages[0].Held).To(Equal(held))
	g.Expect(passages[1].Held).To(Equal(held), "what continues a sentence is held by what holds the sentence")
}

func TestLines(t *testing.T) {
	g := NewWithT(t)
	lines, err := ParseLines("5, 73-86, 185@22-905")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lines).To(Equal([]Lines{{From: 5, To: 5}, {From: 73, To: 86}, {185, 185, 22, 905}}))
	g.Expect(lines[2].String()).To(Equal("185@22-905"))
	g.Expect(lines[1].Overlap(Lines{From: 86, To: 90})).To(BeTrue())
	g.Expect(lines[1].Overlap(Lines{From: 87, To: 90})).To(BeFalse())
	g.Expect(lines[2].Overlap(Lines{185, 185, 905, 910})).To(BeTrue())
	g.Expect(lines[2].Overlap(Lines{185, 185, 906, 910})).To(BeFalse())
	g.Expect(lines[2].Overlap(Lines{From: 185, To: 185})).To(BeTrue())
	g.Expect(Sum("  a\t b ")).To(Equal(Sum("a b")), "white space is no change")
	g.Expect(Sum(" \t")).To(Equal("-"))
}
