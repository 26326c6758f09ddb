package match

import (
	"fmt"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HaveRows promises how many objects `kubectl get` prints. No rows because the question failed are not no rows.
func HaveRows(n int) types.GomegaMatcher {
	return promise{
		name: named("HaveRows", n), kind: objects, negative: n == 0,
		judge: func(e probe.Evidence) (finding, error) {
			found := finding{wanted: counted(n, "row"), got: rowCount(e)}
			if !answered(e) {
				found.got = fmt.Sprintf("no answer (exit %d: %s)", e.Exit, shown(e.Stderr))
				return found, nil
			}
			found.holds = len(rowsOf(e)) == n
			return found, nil
		},
	}
}
