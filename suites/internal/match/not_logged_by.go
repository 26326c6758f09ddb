package match

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// NotLoggedBy promises that a proxy or a server logged nothing of this request; with patterns, no line that fits one of them.
// A log is written late, so that it is empty proves nothing: the promise holds only when the evidence has a fence, a later line that
// shows that all earlier ones have arrived.
func NotLoggedBy(peer probe.Peer, but ...Line) types.GomegaMatcher {
	return promise{
		name: fmt.Sprintf("NotLoggedBy(%s)", peer), negative: true, logs: []probe.Peer{peer},
		judge: func(e probe.Evidence) (finding, error) {
			found := finding{wanted: fmt.Sprintf("%s in the access log of %s", unwanted(e, but), peer)}
			lines := linesOf(e, peer)
			at, err := firstOf(e, but, lines)
			switch {
			case err != nil:
				return finding{}, err
			case at >= 0:
				found.got = "\n" + listing(lines, at)
			case !e.Fence[peer]:
				found.got = "none yet, which is not proven to be all: no later line of that log has been seen"
			default:
				found.holds = true
				found.got = fmt.Sprintf("none (%s since the request, and a later one is known to have arrived)", counted(len(lines), "other line"))
			}
			return found, nil
		},
	}
}

func unwanted(e probe.Evidence, but []Line) string {
	if len(but) == 0 {
		return "no line of this request"
	}
	patterns := make([]string, len(but))
	for i, line := range but {
		patterns[i] = line.describe(e)
	}
	return "no line " + strings.Join(patterns, " or ")
}

// firstOf finds the first line that fits one of the patterns, any line where there are none; -1 where there is no such line.
func firstOf(e probe.Evidence, patterns []Line, lines []probe.LogLine) (int, error) {
	if len(patterns) == 0 && len(lines) > 0 {
		return 0, nil
	}
	for _, pattern := range patterns {
		fitting, _, err := search(e, pattern, lines)
		if err != nil {
			return -1, err
		}
		if len(fitting) > 0 {
			return fitting[0], nil
		}
	}
	return -1, nil
}
