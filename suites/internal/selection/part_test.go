package selection_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/scenario"
	"github.com/meshproof/meshproof/suites/internal/selection"
)

func TestPartOf(t *testing.T) {
	g := NewWithT(t)
	g.Expect(selection.PartOf("SLICE", "")).To(Equal(selection.Part{}))
	g.Expect(selection.PartOf("SLICE", "2/4")).To(Equal(selection.Part{Number: 2, Of: 4}))
	for _, wrong := range []string{"2", "0/4", "5/4", "2/0", "-1/4", "2/4/6", "2 / 4", "a/b", "99999/99999"} {
		_, err := selection.PartOf("SLICE", wrong)
		g.Expect(err).To(MatchError(`SLICE="` + wrong + `" is no part of anything; 2/4 is the second of four`))
	}
}

// Slices have nothing in common, and all of them are the whole.
func TestSlices(t *testing.T) {
	g := NewWithT(t)
	rows, err := selection.Rows("istio=A; istio=B; istio=C; istio=D; istio=E")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(selection.Slice(rows, selection.Part{})).To(Equal(rows))
	for of := 1; of <= len(rows); of++ {
		var all []selection.Row
		for n := 1; n <= of; n++ {
			slice, err := selection.Slice(rows, selection.Part{Number: n, Of: of})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(len(slice)).To(BeNumerically("~", float64(len(rows))/float64(of), 1), "%d/%d", n, of)
			all = append(all, slice...)
		}
		g.Expect(all).To(Equal(rows))
	}
	_, err = selection.Slice(rows, selection.Part{Number: 1, Of: 6})
	g.Expect(err).To(MatchError("slice 1 of 6: the matrix has no more rows than 5"))
}

// book is five pages with as many scenarios as the numbers say.
func book() []scenario.Page {
	var out []scenario.Page
	for i, n := range []int{2, 1, 4, 1, 2} {
		page := scenario.Page{Name: string(rune('a' + i))}
		for k := range n {
			page.Scenarios = append(page.Scenarios, scenario.Scenario{ID: page.Name + "/" + string(rune('1'+k))})
		}
		out = append(out, page)
	}
	return out
}

func TestShards(t *testing.T) {
	g := NewWithT(t)
	all, err := selection.Select(book(), selection.Request{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(all.Shard(book(), selection.Part{}, nil)).To(Equal(all))

	second, err := all.Shard(book(), selection.Part{Number: 2, Of: 3}, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(second).To(Equal(selection.Choice{
		IDs: []string{"a/1", "a/2", "b/1"}, Words: "shard 2 of 3 of all pages", Part: selection.Part{Number: 2, Of: 3},
		Shards: []string{"shard 1 of 3: c (4 scenarios)", "shard 2 of 3: a, b (3 scenarios)", "shard 3 of 3: e, d (3 scenarios)"},
	}), "without times by scenarios")

	took := map[string]time.Duration{"a/1": time.Second, "a/2": time.Second, "b/1": 20 * time.Second, "c/1": 0, "c/2": 0, "c/3": time.Second, "e/1": time.Second}
	first, err := all.Shard(book(), selection.Part{Number: 1, Of: 2}, took)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(first.Shards).To(Equal([]string{"shard 1 of 2: b (1 scenario, about 20s)", "shard 2 of 2: c, e, d, a (9 scenarios, about 14s)"}),
		"by the times, and by their mean where none is known")

	some, err := selection.Select(book(), selection.Request{Label: "page:a || page:c"})
	g.Expect(err).NotTo(HaveOccurred())
	of, err := some.Shard(book(), selection.Part{Number: 2, Of: 2}, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(of.IDs).To(Equal([]string{"a/1", "a/2"}))
	g.Expect(of.Words).To(Equal("shard 2 of 2 of label page:a || page:c"))
	_, err = some.Shard(book(), selection.Part{Number: 1, Of: 3}, nil)
	g.Expect(err).To(MatchError("shard 1 of 3: a page is replayed whole, and there are no more of them in the selection label page:a || page:c than 2"))
}

// Every scenario is in one shard, whichever times are known: pages that took no time as well.
func TestShardsAreTheWhole(t *testing.T) {
	g := NewWithT(t)
	all, err := selection.Select(book(), selection.Request{})
	g.Expect(err).NotTo(HaveOccurred())
	nothing := map[string]time.Duration{}
	for _, id := range all.IDs {
		nothing[id] = 0
	}
	for _, took := range []map[string]time.Duration{nil, nothing, {"c/1": time.Hour}} {
		for of := 1; of <= len(book()); of++ {
			var ids []string
			for n := 1; n <= of; n++ {
				shard, err := all.Shard(book(), selection.Part{Number: n, Of: of}, took)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(shard.IDs).NotTo(BeEmpty())
				ids = append(ids, shard.IDs...)
			}
			g.Expect(ids).To(ConsistOf(all.IDs))
		}
	}
}
