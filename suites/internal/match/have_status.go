package match

import (
	"fmt"
	"net/http"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HaveStatus promises the status code of the last answer.
func HaveStatus(code int) types.GomegaMatcher {
	return promise{
		name: named("HaveStatus", code), kind: aRequest, negative: isError(code), refuses: isError(code),
		judge: func(e probe.Evidence) (finding, error) {
			last := e.Last()
			return finding{
				holds:  last != nil && last.Code == code,
				wanted: fmt.Sprintf("status %d", code), got: lastAnswer(e),
			}, nil
		},
	}
}

// isError tells of answers that refuse. A teapot is none: it is the answer that pages ask httpbin for, and no proxy gives it.
func isError(code int) bool { return code >= http.StatusBadRequest && code != http.StatusTeapot }

// lastAnswer is the last answer in words, or why there was none.
func lastAnswer(e probe.Evidence) string {
	last := e.Last()
	switch {
	case last == nil:
		return noAnswer(e)
	case last.Reason != "":
		return fmt.Sprintf("%d %s", last.Code, last.Reason)
	default:
		return fmt.Sprint(last.Code)
	}
}

func noAnswer(e probe.Evidence) string {
	if text := e.CurlError(); text != "" {
		return "no answer: " + text
	}
	return fmt.Sprintf("no answer (%s)", exitInWords(e.Exit))
}
