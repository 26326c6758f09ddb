package match

import (
	"net/http"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HaveEchoedHeader promises a header that the site received, as its echo (httpbin's /headers) tells: it is there once, with the wanted value.
func HaveEchoedHeader(name string, value any) types.GomegaMatcher {
	return promise{
		name: named("HaveEchoedHeader", name, value), kind: aRequest,
		judge: func(e probe.Evidence) (finding, error) {
			header, problem := echoed(e)
			if problem != "" {
				return finding{wanted: "an echo of header " + name, got: problem}, nil
			}
			return judgeHeader(e, name, value, header)
		},
	}
}

// HaveNoEchoedHeader promises that the site did not receive a header. A name that ends in * stands for all that begin so. An answer that
// is no echo proves nothing and does not pass.
func HaveNoEchoedHeader(name string) types.GomegaMatcher {
	return promise{
		name: named("HaveNoEchoedHeader", name), kind: aRequest,
		judge: func(e probe.Evidence) (finding, error) {
			header, problem := echoed(e)
			if problem != "" {
				return finding{wanted: "an echo without header " + name, got: problem}, nil
			}
			return judgeNoHeader(name, header), nil
		},
	}
}

// echoed is what the site received, or why the answer does not tell.
func echoed(e probe.Evidence) (header http.Header, problem string) {
	last := e.Last()
	if last == nil {
		return nil, noAnswer(e)
	}
	header, err := e.Echoed()
	if err != nil {
		return nil, lastAnswer(e) + ", and " + err.Error() + ": " + shown(e.Stdout)
	}
	return header, ""
}
