package match

import (
	"net/http"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// BeAnswered promises that the site answered: curl succeeded, and the last answer is no error. It is the control of a refusal; a
// proxy's 502 is no answer of the site.
func BeAnswered() types.GomegaMatcher {
	return promise{
		name: named("BeAnswered"), kind: aRequest,
		judge: func(e probe.Evidence) (finding, error) {
			last := e.Last()
			got := lastAnswer(e)
			if e.Exit != 0 && last != nil {
				got += " and then " + exitInWords(e.Exit)
			}
			return finding{
				holds:  e.Exit == 0 && last != nil && last.Code < http.StatusBadRequest,
				wanted: "an answer of the site (exit 0 and a status below 400)", got: got,
			}, nil
		},
	}
}
