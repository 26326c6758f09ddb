package match

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// shownLines is how many log lines a message holds.
const shownLines = 4

// LoggedBy promises that a proxy or a server logged this request: one line that it wrote since the request fits the pattern.
// A line that carries the marker of another request does not count. Its opposite is NotLoggedBy: Not(LoggedBy(…)) would hold before
// the log has arrived.
func LoggedBy(peer probe.Peer, want Line) types.GomegaMatcher {
	return promise{
		name: fmt.Sprintf("LoggedBy(%s, …)", peer), negative: want.refuses(),
		judge: func(e probe.Evidence) (finding, error) {
			if len(want.fields(probe.LogLine{})) == 0 {
				return finding{}, fmt.Errorf("it needs a field of the line, such as LoggedBy(%s, Line{Code: 200})", peer)
			}
			lines := linesOf(e, peer)
			fits, nearest, err := search(e, want, lines)
			if err != nil {
				return finding{}, err
			}
			found := finding{holds: fits >= 0, wanted: fmt.Sprintf("the line %s in the access log of %s", want.describe(e), peer)}
			if found.holds {
				found.got = "it:\n" + raw(lines[fits])
				return found, nil
			}
			found.got = instead(e, peer, lines, nearest)
			return found, nil
		},
	}
}

// approach is the line that comes nearest to a pattern, and what keeps it away.
type approach struct {
	at          int
	differences []string
}

// search finds the first line that fits (-1 for none) and the one that differs in the fewest fields.
func search(e probe.Evidence, want Line, lines []probe.LogLine) (int, approach, error) {
	nearest := approach{at: -1}
	for i, line := range lines {
		differences, err := want.differences(e, line)
		if err != nil {
			return -1, nearest, err
		}
		if len(differences) == 0 {
			return i, nearest, nil
		}
		if nearest.at < 0 || len(differences) < len(nearest.differences) {
			nearest = approach{at: i, differences: differences}
		}
	}
	return -1, nearest, nil
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
