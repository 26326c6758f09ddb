package match

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// shownLines is how many log lines a message holds.
const shownLines = 4

// LoggedBy promises what a proxy or a server, all its pods together, logged of this request: exactly one line that fits the pattern, and no
// other line that is known to be this request's. A request that is sent N times owes N lines. Where a proxy has to log several lines of one
// request, one for each redirect that curl followed, there is a pattern for each of them; no line may fit two patterns.
// A log is written late: the promise holds only when the evidence has a fence, a later line that shows that all earlier ones have arrived.
// A line that carries the marker of another request does not count. Its opposite is NotLoggedBy: Not(LoggedBy(…)) would hold before
// the log has arrived.
func LoggedBy(peer probe.Peer, want ...Line) types.GomegaMatcher {
	return promise{
		name: fmt.Sprintf("LoggedBy(%s, …)", peer), negative: slices.ContainsFunc(want, Line.refuses), logs: []probe.Peer{peer}, lists: []probe.Peer{peer},
		judge: func(e probe.Evidence) (finding, error) {
			unset := func(line Line) bool { return len(line.fields(probe.LogLine{})) == 0 }
			if len(want) == 0 || slices.ContainsFunc(want, unset) {
				return finding{}, fmt.Errorf("it needs a field of the line, such as LoggedBy(%s, Line{Code: 200})", peer)
			}
			count, err := countLines(e, want, linesOf(e, peer))
			if err != nil {
				return finding{}, err
			}
			owed := requestsOf(e)
			found := finding{wanted: fmt.Sprintf("%s in the access log of %s", owedLines(e, want, owed), peer)}
			found.holds, found.got = count.holds(e, peer, owed)
			return found, nil
		},
	}
}

// requestsOf is how often the request was sent.
func requestsOf(e probe.Evidence) int { return max(e.Requests, 1) }

// lineCount is what a log holds, sorted by patterns.
type lineCount struct {
	lines   []probe.LogLine
	fitting [][]int    // by pattern, which lines fit it
	nearest []approach // by pattern
	strays  []int      // lines of this request that fit none
}

// approach is the line that comes nearest to a pattern, and what keeps it away.
type approach struct {
	at          int
	differences []string
}

func countLines(e probe.Evidence, want []Line, lines []probe.LogLine) (lineCount, error) {
	count := lineCount{lines: lines, fitting: make([][]int, len(want)), nearest: make([]approach, len(want))}
	wanted := make([]bool, len(lines))
	for i, pattern := range want {
		var err error
		if count.fitting[i], count.nearest[i], err = search(e, pattern, lines); err != nil {
			return count, err
		}
		for _, at := range count.fitting[i] {
			if wanted[at] {
				return count, errors.New("a line fits two of its patterns: say what tells them apart")
			}
			wanted[at] = true
		}
	}
	for i, line := range lines {
		if !wanted[i] && isOwn(e, line) {
			count.strays = append(count.strays, i)
		}
	}
	return count, nil
}

// holds tells whether every pattern has the lines that are owed and no line is left, and in words what there is.
func (c lineCount) holds(e probe.Evidence, peer probe.Peer, owed int) (bool, string) {
	var all []int
	for i, fitting := range c.fitting {
		all = append(all, fitting...)
		switch {
		case len(fitting) == 0:
			return false, instead(e, peer, c.lines, c.nearest[i])
		case len(fitting) != owed:
			return false, fmt.Sprintf("%s of them:\n%s", counted(len(fitting), "line"), listing(pick(c.lines, fitting), 0))
		}
	}
	if len(c.strays) > 0 {
		return false, fmt.Sprintf("beside it %s of this request:\n%s", counted(len(c.strays), "other line"), listing(pick(c.lines, c.strays), 0))
	}
	return e.Fence[peer], "it" + unproven(e, peer) + ":\n" + listing(pick(c.lines, all), 0)
}

func pick(lines []probe.LogLine, at []int) []probe.LogLine {
	picked := make([]probe.LogLine, len(at))
	for i, index := range at {
		picked[i] = lines[index]
	}
	return picked
}

// owedLines are the patterns in words, each with the number of lines that it is to have.
func owedLines(e probe.Evidence, want []Line, owed int) string {
	words := make([]string, len(want))
	for i, line := range want {
		words[i] = counted(owed, "line") + " " + line.describe(e)
	}
	return strings.Join(words, " and ")
}

// search finds the lines that fit and the one that differs in the fewest fields.
func search(e probe.Evidence, want Line, lines []probe.LogLine) ([]int, approach, error) {
	var fitting []int
	nearest := approach{at: -1}
	for i, line := range lines {
		differences, err := want.differences(e, line)
		if err != nil {
			return nil, nearest, err
		}
		if len(differences) == 0 {
			fitting = append(fitting, i)
			continue
		}
		if nearest.at < 0 || len(differences) < len(nearest.differences) {
			nearest = approach{at: i, differences: differences}
		}
	}
	return fitting, nearest, nil
}

// instead tells what the log held in place of the wanted line.
func instead(e probe.Evidence, peer probe.Peer, lines []probe.LogLine, nearest approach) string {
	if len(lines) == 0 {
		return "no line of this request" + watched(e, peer)
	}
	return fmt.Sprintf("%s of this request; the nearest differs in %s:\n%s",
		counted(len(lines), "line"), strings.Join(nearest.differences, "; "), listing(lines, nearest.at))
}

// watched is a hint where the log may not have been read at all.
func watched(e probe.Evidence, peer probe.Peer) string {
	if _, read := e.Logs[peer]; read {
		return ""
	}
	return " (nothing shows that this log was read: does the step watch it?)"
}

// unproven is a hint where more lines of this request may come.
func unproven(e probe.Evidence, peer probe.Peer) string {
	if _, read := e.Logs[peer]; !read || e.Fence[peer] {
		return ""
	}
	return " (not proven to be all: no later line of that log has been seen)"
}

// linesOf are the access-log lines of peer that may be this request's: those without a marker, and those with this request's own.
func linesOf(e probe.Evidence, peer probe.Peer) []probe.LogLine {
	var own []probe.LogLine
	for _, line := range e.Logs[peer] {
		stranger := e.Marker != "" && line.Marker != "" && line.Marker != e.Marker
		if line.Format != probe.Unparsed && !stranger {
			own = append(own, line)
		}
	}
	return own
}

// isOwn tells of a line that is known to be this request's. Of others it is known only that they were written meanwhile.
func isOwn(e probe.Evidence, line probe.LogLine) bool {
	return line.Traced || (e.Marker != "" && line.Marker == e.Marker)
}

// listing shows some lines, the one that matters first.
func listing(lines []probe.LogLine, first int) string {
	texts := []string{raw(lines[first])}
	for i, line := range lines {
		if i == first {
			continue
		}
		if len(texts) == shownLines {
			texts = append(texts, fmt.Sprintf("  and %d more", len(lines)-shownLines))
			break
		}
		texts = append(texts, raw(line))
	}
	return strings.Join(texts, "\n")
}

func raw(line probe.LogLine) string { return "  " + probe.StripMarker(line.Raw) }

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
