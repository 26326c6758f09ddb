package match

import (
	"fmt"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HaveContentLength promises that the last answer says how many bytes its body has, and that it has as many.
func HaveContentLength() types.GomegaMatcher {
	return promise{
		name: "HaveContentLength()", kind: aRequest,
		judge: func(e probe.Evidence) (finding, error) {
			last := e.Last()
			if last == nil {
				return finding{wanted: "header Content-Length", got: noAnswer(e)}, nil
			}
			return judgeHeader(e, "Content-Length", fmt.Sprint(e.Size), last.Header)
		},
	}
}
