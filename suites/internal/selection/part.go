package selection

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Part is one of several parts, counted from 1. The zero Part is the whole.
type Part struct{ Number, Of int }

var part = regexp.MustCompile(`^([1-9][0-9]{0,3})/([1-9][0-9]{0,3})$`)

// PartOf reads the value of a knob: "2/4" is the second of four, nothing is the whole.
func PartOf(knob, value string) (Part, error) {
	if value == "" {
		return Part{}, nil
	}
	if m := part.FindStringSubmatch(value); m != nil {
		number, _ := strconv.Atoi(m[1]) // a few digits
		of, _ := strconv.Atoi(m[2])
		if number <= of {
			return Part{number, of}, nil
		}
	}
	return Part{}, fmt.Errorf("%s=%q is no part of anything; 2/4 is the second of four", knob, value)
}

// String is the part in words: "2 of 4".
func (p Part) String() string { return fmt.Sprintf("%d of %d", p.Number, p.Of) }

// Slice is the part of the rows: as many in each, give or take one, in their order.
func Slice(rows []Row, p Part) ([]Row, error) {
	switch {
	case p == (Part{}):
		return rows, nil
	case p.Of > len(rows):
		return nil, fmt.Errorf("slice %s: the matrix has no more rows than %d", p, len(rows))
	}
	return rows[(p.Number-1)*len(rows)/p.Of : p.Number*len(rows)/p.Of], nil
}

// load is a page with what it costs to replay it.
type load struct {
	page string
	ids  []string
	took time.Duration
}

// shard are pages that one run replays.
type shard struct {
	pages []string
	ids   []string
	took  time.Duration
}

// Shard is the part of the choice that one of several runs replays. Pages stay whole, because their scenarios share what a page leaves standing; they are dealt
// out so that the parts take about as long as each other: the longest page first, each to the part that has least. took are the times that scenarios took once, by id;
// one that is not in it counts as long as the others on average. The same choice, part and times give the same shard everywhere.
func (c Choice) Shard(pages []scenario.Page, p Part, took map[string]time.Duration) (Choice, error) {
	if p == (Part{}) {
		return c, nil
	}
	loads := c.loads(pages, took)
	if p.Of > len(loads) {
		return Choice{}, fmt.Errorf("shard %s: a page is replayed whole, and there are no more of them in the selection %s than %d", p, c.Words, len(loads))
	}
	slices.SortStableFunc(loads, func(a, b load) int { return cmp.Compare(b.took, a.took) })
	shards := make([]shard, p.Of)
	for _, l := range loads {
		least := 0
		for i, s := range shards {
			if cmp.Or(cmp.Compare(s.took, shards[least].took), cmp.Compare(len(s.pages), len(shards[least].pages))) < 0 {
				least = i
			}
		}
		s := &shards[least]
		s.pages, s.ids, s.took = append(s.pages, l.page), append(s.ids, l.ids...), s.took+l.took
	}
	out := Choice{Words: fmt.Sprintf("shard %s of %s", p, c.Words), Part: p}
	for i, s := range shards {
		out.Shards = append(out.Shards, fmt.Sprintf("shard %s: %s (%s)", Part{i + 1, p.Of}, strings.Join(s.pages, ", "), s.cost(took)))
	}
	mine := shards[p.Number-1].ids
	for _, id := range c.IDs { // in the pages' order
		if slices.Contains(mine, id) {
			out.IDs = append(out.IDs, id)
		}
	}
	return out, nil
}

// loads are the pages of the choice, in their order.
func (c Choice) loads(pages []scenario.Page, took map[string]time.Duration) []load {
	usual := time.Second // where no time is known, scenarios are counted
	if known := len(took); known > 0 {
		var sum time.Duration
		for _, t := range took {
			sum += t
		}
		usual = sum / time.Duration(known)
	}
	var out []load
	for _, page := range pages {
		l := load{page: page.Name}
		for _, s := range page.Scenarios {
			if !slices.Contains(c.IDs, s.ID) {
				continue
			}
			l.ids = append(l.ids, s.ID)
			if t, ok := took[s.ID]; ok {
				l.took += t
			} else {
				l.took += usual
			}
		}
		if len(l.ids) > 0 {
			out = append(out, l)
		}
	}
	return out
}

// cost is how many scenarios the shard has, and how long they take where times are known.
func (s shard) cost(took map[string]time.Duration) string {
	text := fmt.Sprintf("%d scenarios", len(s.ids))
	if len(s.ids) == 1 {
		text = "1 scenario"
	}
	if len(took) > 0 {
		text += ", about " + s.took.Round(time.Second).String()
	}
	return text
}
