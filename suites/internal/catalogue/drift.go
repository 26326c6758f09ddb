package catalogue

import (
	"slices"
	"strings"
	"unicode"
)

// Change is how a line differs from the index.
type Change string

// The ways in which a document drifts from the index.
const (
	Changed Change = "changed"
	Moved   Change = "moved"
	New     Change = "new"
	Gone    Change = "gone"
)

// Drift is lines of a document that are not as the index has them.
type Drift struct {
	Change Change
	Old    Lines  // in the index; of new lines the place behind which they stand, nothing at the beginning
	Now    Lines  // in the document; of lines that are gone nothing
	Words  string // to find it by
	Sum    string // what the index would have to say, of a single line or passage
}

// Compare tells how a document differs from the passages of the index, in the document's order. What only moved is told once for all that moved as far.
func Compare(passages []Passage, text string) []Drift {
	c := comparison{now: strings.Split(strings.TrimSuffix(text, "\n"), "\n")}
	c.read(passages)
	var drifts []Drift
	for _, split := range c.splits {
		drifts = append(drifts, c.columns(split)...)
	}
	drifts = append(drifts, c.lines()...)
	slices.SortStableFunc(drifts, func(a, b Drift) int { return place(a) - place(b) })
	return together(drifts)
}

// place orders drifts by where they are, the gone ones by where they were.
func place(d Drift) int {
	if d.Now.From > 0 {
		return d.Now.From
	}
	return d.Old.From
}

// line is a line that is not blank.
type line struct {
	number     int
	sum, words string
}

// split is a line of which the index has passages.
type split struct {
	number, now int // now is where the document has it, 0 if nowhere
	passages    []Passage
}

type comparison struct {
	old    []line
	now    []string
	splits []*split
}

// read takes the index apart into lines. One that the index has in passages is found by them, and stands in the comparison of lines under a sum of its own.
func (c *comparison) read(passages []Passage) {
	for _, p := range passages {
		if p.Lines.FromColumn == 0 {
			for i, sum := range p.Sums {
				if sum != "-" {
					c.old = append(c.old, line{p.Lines.From + i, sum, p.Words})
				}
			}
			continue
		}
		last := len(c.splits) - 1
		if last < 0 || c.splits[last].number != p.Lines.From {
			c.splits = append(c.splits, &split{number: p.Lines.From})
			c.old = append(c.old, line{p.Lines.From, splitSum(p.Lines.From), p.Words})
			last++
		}
		c.splits[last].passages = append(c.splits[last].passages, p)
	}
	for _, s := range c.splits {
		s.now = c.find(s)
	}
}

func splitSum(number int) string { return "passages of " + Lines{From: number, To: number}.String() }

// find is the line with the most passages of the old one; among equals the one that stands where it stood. Where a line has one at its old columns, the
// others are not searched: that takes a hundred times as long.
func (c *comparison) find(s *split) int {
	for _, among := range []func([]Passage, []rune) []int{unmoved, positions} {
		best, most := 0, 0
		for i, text := range c.now {
			found := len(slices.DeleteFunc(among(s.passages, []rune(text)), func(column int) bool { return column == 0 }))
			if found > most || found == most && found > 0 && i+1 == s.number {
				best, most = i+1, found
			}
		}
		if best > 0 {
			return best
		}
	}
	return 0
}

// stands tells whether a text has the passage at a column.
func (p Passage) stands(text []rune, column int) bool {
	end := column + p.Lines.ToColumn - p.Lines.FromColumn
	return end <= len(text) && Sum(string(text[column-1:end])) == p.Sums[0]
}

// unmoved are the columns of the passages that a text has where they were; 0 for another.
func unmoved(passages []Passage, text []rune) []int {
	at := make([]int, len(passages))
	for i, p := range passages {
		if p.stands(text, p.Lines.FromColumn) {
			at[i] = p.Lines.FromColumn
		}
	}
	return at
}

// positions are the columns at which a text has the passages, in their order; 0 for one that it does not have.
func positions(passages []Passage, text []rune) []int {
	at := make([]int, len(passages))
	next, shift := 1, 0
	for i, p := range passages {
		column := p.Lines.FromColumn + shift // most move with the one before
		if column < next || !p.stands(text, column) {
			column = next
			for column <= len(text) && (unicode.IsSpace(text[column-1]) || !p.stands(text, column)) {
				column++
			}
		}
		if column <= len(text) {
			at[i], shift = column, column-p.Lines.FromColumn
			next = column + p.Lines.ToColumn - p.Lines.FromColumn + 1
		}
	}
	return at
}

// columns compares the passages of one line.
func (c *comparison) columns(s *split) []Drift {
	if s.now == 0 {
		return nil // the comparison of lines says that it is gone
	}
	text := []rune(c.now[s.now-1])
	at := positions(s.passages, text)
	var drifts []Drift
	covered := 0 // columns that are told
	for i, p := range s.passages {
		if at[i] == 0 {
			drifts = append(drifts, passageDrift(p, s.now, text[:room(p, at[i:], len(text), covered)], covered+1))
			covered = max(covered, drifts[len(drifts)-1].Now.ToColumn)
			continue
		}
		end := at[i] + p.Lines.ToColumn - p.Lines.FromColumn
		drifts = append(drifts, newColumns(p.Lines, s.now, text[:at[i]-1], covered+1)...)
		if at[i] != p.Lines.FromColumn { // that the line moved is told once, with its neighbours
			drifts = append(drifts, Drift{Change: Moved, Old: p.Lines, Now: Lines{s.now, s.now, at[i], end}, Words: p.Words, Sum: p.Sums[0]})
		}
		covered = end
	}
	return append(drifts, newColumns(s.passages[len(s.passages)-1].Lines, s.now, text, covered+1)...)
}

// room is the last column that may be what became of a passage that is not there: all up to the next that is there, or as much as it was long where the one
// after it is not there either. at are the columns of the passage and of those after it.
func room(p Passage, at []int, end, covered int) int {
	if later := slices.IndexFunc(at, func(column int) bool { return column > 0 }); later > 0 {
		end = at[later] - 1
	}
	if len(at) > 1 && at[1] == 0 {
		end = min(end, covered+1+p.Lines.ToColumn-p.Lines.FromColumn)
	}
	return end
}

// passageDrift is a passage that is not there: changed into what stands in its place, at the end of the text, or gone.
func passageDrift(p Passage, number int, text []rune, from int) Drift {
	instead := newColumns(p.Lines, number, text, from)
	if len(instead) == 0 {
		return Drift{Change: Gone, Old: p.Lines, Words: p.Words}
	}
	instead[0].Change = Changed
	return instead[0]
}

// newColumns is a passage at the end of a text that the index does not have; none where it is blank.
func newColumns(old Lines, number int, text []rune, from int) []Drift {
	if from > len(text) || Sum(string(text[from-1:])) == "-" {
		return nil
	}
	passage := string(text[from-1:])
	return []Drift{{Change: New, Old: old, Now: Lines{number, number, from, len(text)}, Words: beginning(passage), Sum: Sum(passage)}}
}

// gap is what the index and the document have between two lines that both have in the same order.
type gap struct {
	behind   Lines // of the index; nothing at the beginning
	old, now []line
}

// lines compares line by line: what both have in the same order stays, what is between is moved, changed, new or gone.
func (c *comparison) lines() []Drift {
	now := c.current()
	var drifts []Drift
	var gaps []gap
	i, j := 0, 0
	for _, p := range append(common(c.old, now), [2]int{len(c.old), len(now)}) {
		g := gap{old: c.old[i:p[0]], now: now[j:p[1]]}
		if i > 0 {
			g.behind = whole(c.old[i-1].number)
		}
		gaps = append(gaps, g)
		if p[0] < len(c.old) && c.old[p[0]].number != now[p[1]].number {
			drifts = append(drifts, movedTo(c.old[p[0]], now[p[1]]))
		}
		i, j = p[0]+1, p[1]+1
	}
	drifts = append(drifts, across(gaps)...)
	for _, g := range gaps {
		drifts = append(drifts, g.drifts()...)
	}
	return drifts
}

// across finds the lines that went from one gap to another, and takes them out of both.
func across(gaps []gap) []Drift {
	strays := map[string][]line{}
	for _, g := range gaps {
		for _, n := range g.now {
			strays[n.sum] = append(strays[n.sum], n)
		}
	}
	var drifts []Drift
	arrived := map[int]bool{}
	for i := range gaps {
		gaps[i].old = slices.DeleteFunc(slices.Clone(gaps[i].old), func(o line) bool {
			there := strays[o.sum]
			if len(there) == 0 {
				return false
			}
			strays[o.sum], arrived[there[0].number] = there[1:], true
			drifts = append(drifts, movedTo(o, there[0]))
			return true
		})
	}
	for i := range gaps {
		gaps[i].now = slices.DeleteFunc(slices.Clone(gaps[i].now), func(n line) bool { return arrived[n.number] })
	}
	return drifts
}

// current is the document's lines, those with passages of the index under the sum of the old line.
func (c *comparison) current() []line {
	sums := map[int]string{}
	for _, s := range c.splits {
		sums[s.now] = splitSum(s.number)
	}
	var lines []line
	for i, text := range c.now {
		l := line{i + 1, Sum(text), beginning(text)}
		if sum := sums[i+1]; sum != "" {
			l.sum = sum
		}
		if l.sum != "-" {
			lines = append(lines, l)
		}
	}
	return lines
}

func movedTo(o, n line) Drift {
	d := Drift{Change: Moved, Old: whole(o.number), Now: whole(n.number), Words: o.words, Sum: o.sum}
	if strings.HasPrefix(o.sum, "passages of ") {
		d.Sum = ""
	}
	return d
}

func whole(number int) Lines { return Lines{From: number, To: number} }

// drifts pairs what the index has in the gap with what the document has there.
func (g gap) drifts() []Drift {
	var drifts []Drift
	for k := range max(len(g.old), len(g.now)) {
		switch {
		case k >= len(g.now):
			drifts = append(drifts, Drift{Change: Gone, Old: whole(g.old[k].number), Words: g.old[k].words})
		case k >= len(g.old):
			drifts = append(drifts, Drift{Change: New, Old: g.behind, Now: whole(g.now[k].number), Words: g.now[k].words, Sum: g.now[k].sum})
		default:
			drifts = append(drifts, Drift{Change: Changed, Old: whole(g.old[k].number), Now: whole(g.now[k].number), Words: g.now[k].words, Sum: g.now[k].sum})
		}
	}
	return drifts
}

// common is a longest common subsequence of the two, as pairs of positions.
func common(a, b []line) [][2]int {
	length := make([][]int, len(a)+1)
	length[len(a)] = make([]int, len(b)+1)
	for i := len(a) - 1; i >= 0; i-- {
		length[i] = make([]int, len(b)+1)
		for j := len(b) - 1; j >= 0; j-- {
			if a[i].sum == b[j].sum {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var pairs [][2]int
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i].sum == b[j].sum:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// together joins neighbours that moved as far.
func together(drifts []Drift) []Drift {
	var joined []Drift
	for _, d := range drifts {
		if last := len(joined) - 1; last >= 0 && d.shift() != (shift{}) && d.shift() == joined[last].shift() {
			joined[last].Old.To, joined[last].Old.ToColumn = d.Old.To, d.Old.ToColumn
			joined[last].Now.To, joined[last].Now.ToColumn = d.Now.To, d.Now.ToColumn
			joined[last].Sum = ""
			continue
		}
		joined = append(joined, d)
	}
	return joined
}

// shift is how far something moved: lines, or columns within the line that had the number.
type shift struct{ lines, line, columns int }

func (d Drift) shift() shift {
	switch {
	case d.Change != Moved:
		return shift{}
	case d.Old.FromColumn > 0:
		return shift{line: d.Old.From, columns: d.Now.FromColumn - d.Old.FromColumn}
	}
	return shift{lines: d.Now.From - d.Old.From}
}

// beginning is a few words of a text, to find it by.
func beginning(text string) string {
	const words, characters = 5, 40
	fields := strings.Fields(text)
	few := []rune(strings.Join(fields[:min(words, len(fields))], " "))
	return strings.TrimSpace(string(few[:min(characters, len(few))]))
}
