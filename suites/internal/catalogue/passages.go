package catalogue

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed lines.tsv
var index string

// Document is one of the four that the scenarios come from.
type Document struct {
	Name  string // "S1", as the catalogue calls it
	File  string // "001_16dac6e7715b5f68.txt", as scenarios call it
	Title string
}

// Documents lists the four.
func Documents() []Document {
	return []Document{
		{Name: "S1", File: "001_16dac6e7715b5f68.txt", Title: "Kubernetes services for egress traffic"},
		{Name: "S2", File: "002_8b69ceefb7187955.txt", Title: "the egress chapter"},
		{Name: "S3", File: "003_dcf7b3331ac19992.txt", Title: "ingress gateways"},
		{Name: "S4", File: "004_5a005b2e8053680e.txt", Title: "the Envoy configuration behind them"},
	}
}

// Mark says what a passage is.
type Mark string

// A passage is a promise, continues the one above it, or promises nothing.
const (
	Promise   Mark = "promise"   // it says or shows what can be observed
	Part      Mark = "part"      // the same, and what holds it does not hold all that it says
	Continued Mark = "continued" // the sentence above goes on, from a column of a line into whole lines
	Heading   Mark = "heading"
	Contents  Mark = "contents" // a list of what comes
	Prose     Mark = "prose"    // why, advice, what has been done
	SetUp     Mark = "set-up"   // a command or variable that later ones need, of which nothing is shown
	Body      Mark = "body"     // a file or an object that is applied, and the words that introduce it
	Chrome    Mark = "chrome"   // of the site around the document
)

// Marks lists all of them.
func Marks() []Mark {
	return []Mark{Promise, Part, Continued, Heading, Contents, Prose, SetUp, Body, Chrome}
}

// Passage is a sentence, a command or an output of a document, told by where it is and by sums: the index holds no text but a few words to find it by.
type Passage struct {
	Document string // "S1"
	Lines    Lines
	Mark     Mark
	Words    string
	Sums     []string // of each line; "-" for a blank one
	Held     []Hold
}

// Hold is what holds a passage: promises of one scenario.
type Hold struct {
	Scenario string
	Keys     []string // of steps or promises (package trace)
}

// Lines are lines of a document, or columns of one line; both are counted from 1, columns in characters, and the last one is among them.
type Lines struct{ From, To, FromColumn, ToColumn int }

// String is the form in which scenarios name lines: "41-62", "185@22-905".
func (l Lines) String() string {
	switch {
	case l.FromColumn > 0:
		return fmt.Sprintf("%d@%d-%d", l.From, l.FromColumn, l.ToColumn)
	case l.To > l.From:
		return fmt.Sprintf("%d-%d", l.From, l.To)
	}
	return strconv.Itoa(l.From)
}

// Overlap tells whether the two have a character in common.
func (l Lines) Overlap(other Lines) bool {
	if l.To < other.From || other.To < l.From {
		return false
	}
	if l.FromColumn == 0 || other.FromColumn == 0 {
		return true
	}
	return l.FromColumn <= other.ToColumn && other.FromColumn <= l.ToColumn
}

// follows tells whether l begins where before ends.
func (l Lines) follows(before Lines) bool {
	if l.From == before.To {
		return l.FromColumn == before.ToColumn+1 && before.ToColumn > 0
	}
	return l.From == before.To+1 && l.FromColumn <= 1
}

var linesForm = regexp.MustCompile(`^(\d+)(?:@(\d+)-(\d+)|-(\d+))?$`)

// ParseLines reads a list such as "5, 73-86" or "185@22-905".
func ParseLines(list string) ([]Lines, error) {
	var all []Lines
	for one := range strings.SplitSeq(list, ", ") {
		m := linesForm.FindStringSubmatch(one)
		if m == nil {
			return nil, fmt.Errorf("%q are no lines: it takes a form like 5, 73-86 or 185@22-905", one)
		}
		l := Lines{From: number(m[1]), FromColumn: number(m[2]), ToColumn: number(m[3])}
		l.To = max(l.From, number(m[4]))
		all = append(all, l)
	}
	return all, nil
}

// number is that of digits, 0 for none.
func number(digits string) int {
	n, _ := strconv.Atoi(digits) // linesForm lets digits through only
	return n
}

// Sum is the first 8 digits of the SHA-256 of a line whose white space is normalised, "-" for a blank one.
func Sum(line string) string {
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return "-"
	}
	sum := sha256.Sum256([]byte(strings.Join(fields, " ")))
	return hex.EncodeToString(sum[:4])
}

// Passages is the index of the four documents, in their order. It belongs to the caller.
func Passages() ([]Passage, error) { return parseIndex(index) }

// parseIndex reads an index. That a line has no row, or two, is an error: no line is without an answer.
func parseIndex(text string) ([]Passage, error) {
	var all []Passage
	last := Passage{}
	for row := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		p, err := parsePassage(row)
		if err != nil {
			return nil, fmt.Errorf("lines.tsv: %q: %w", row, err)
		}
		first := p.Document != last.Document
		if begins := p.Lines.From == 1 && p.Lines.FromColumn <= 1; first && !begins || !first && !p.Lines.follows(last.Lines) {
			return nil, fmt.Errorf("lines.tsv: %s %s comes after %s %s: each line has to be in one row", p.Document, p.Lines, last.Document, last.Lines)
		}
		if p.Mark == Continued {
			if first {
				return nil, fmt.Errorf("lines.tsv: %s %s continues nothing", p.Document, p.Lines)
			}
			p.Held = last.Held
		}
		all = append(all, p)
		last = p
	}
	return all, nil
}

// parsePassage reads a row: document, lines, mark, words, sums joined by dots, and what holds it, "id#key,key" each.
func parsePassage(row string) (Passage, error) {
	fields := strings.Split(row, "\t")
	if len(fields) != 6 {
		return Passage{}, fmt.Errorf("it has %d columns in place of 6", len(fields))
	}
	lines, err := ParseLines(fields[1])
	if err != nil {
		return Passage{}, err
	}
	p := Passage{Document: fields[0], Lines: lines[0], Mark: Mark(fields[2]), Words: fields[3], Sums: strings.Split(fields[4], ".")}
	for hold := range strings.FieldsSeq(fields[5]) {
		id, keys, _ := strings.Cut(hold, "#")
		p.Held = append(p.Held, Hold{Scenario: id, Keys: strings.Split(keys, ",")})
	}
	switch {
	case !slices.Contains(Marks(), p.Mark):
		return p, fmt.Errorf("the mark is none of %q", Marks())
	case len(p.Sums) != p.Lines.To-p.Lines.From+1:
		return p, fmt.Errorf("it has %d sums for %d lines", len(p.Sums), p.Lines.To-p.Lines.From+1)
	case len(p.Held) > 0 && p.Mark != Promise && p.Mark != Part:
		return p, fmt.Errorf("a %s is held by promises: it promises something", p.Mark)
	case len(p.Held) == 0 && p.Mark == Part:
		return p, fmt.Errorf("it is held in part, by nothing")
	}
	return p, nil
}
