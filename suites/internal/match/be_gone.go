package match

import (
	"fmt"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// BeGone promises that an object is not there: the API server said NotFound, or found nothing for the selector.
// A question that failed for another reason proves nothing.
func BeGone() types.GomegaMatcher {
	return promise{
		name: named("BeGone"), kind: objects, negative: true,
		judge: func(e probe.Evidence) (finding, error) {
			found := finding{
				holds:  answered(e) && len(rowsOf(e)) == 0 && len(e.Objects) == 0,
				wanted: "no such object (NotFound)", got: rowCount(e),
			}
			if !answered(e) {
				found.got = fmt.Sprintf("no answer (exit %d: %s)", e.Exit, shown(e.Stderr))
			}
			return found, nil
		},
	}
}
