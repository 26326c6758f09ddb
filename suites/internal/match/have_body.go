package match

import (
	"fmt"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HaveBody promises the body of the last answer.
func HaveBody(want any) types.GomegaMatcher {
	return promise{
		name: named("HaveBody", want), kind: aRequest,
		judge: func(e probe.Evidence) (finding, error) {
			ok, says, err := compare(e, want, e.Stdout)
			if e.Last() == nil {
				return finding{wanted: "body " + says, got: noAnswer(e)}, err
			}
			return finding{holds: ok, wanted: "body " + says, got: fmt.Sprintf("%s with body %s", lastAnswer(e), shown(e.Stdout))}, err
		},
	}
}
