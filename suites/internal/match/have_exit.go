package match

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// curlExits are curl's exit codes that the pages and their refusals meet.
//
// Source: https://curl.se/docs/manpage.html#EXIT
var curlExits = map[int]string{
	0:  "success",
	3:  "malformed URL",
	5:  "could not resolve proxy",
	6:  "could not resolve host",
	7:  "could not connect",
	16: "HTTP/2 framing error",
	18: "the body was cut",
	22: "HTTP error",
	28: "timed out",
	35: "TLS connect error",
	47: "too many redirects",
	51: "the certificate is for another name",
	52: "empty reply",
	55: "could not send",
	56: "could not receive",
	58: "the client certificate cannot be used",
	60: "the server's certificate is not trusted",
	77: "the CA file cannot be read",
	92: "HTTP/2 stream error",
	97: "the proxy refused",
}

// HaveExit promises the exit code of the command: one of the codes, where a race or the version of curl decides which.
// For a request that is curl's own code, not kubectl's "command terminated with exit code".
func HaveExit(codes ...int) types.GomegaMatcher {
	refused := len(codes) > 0 && !slices.Contains(codes, 0)
	return promise{
		name: named("HaveExit", anys(codes)...), negative: refused, refuses: refused,
		judge: func(e probe.Evidence) (finding, error) {
			if len(codes) == 0 {
				return finding{}, errors.New("it needs at least one exit code, such as HaveExit(35)")
			}
			inWords := exitPlainly
			if kindOf(e) == aRequest || e.CurlError() != "" {
				inWords = exitInWords
			}
			wanted := make([]string, len(codes))
			for i, code := range codes {
				wanted[i] = inWords(code)
			}
			got := inWords(e.Exit)
			if text := e.CurlError(); text != "" {
				got += ": " + text
			}
			return finding{holds: slices.Contains(codes, e.Exit), wanted: strings.Join(wanted, " or "), got: got}, nil
		},
	}
}

// exitInWords is an exit code of curl with its meaning: exit 35 (TLS connect error).
func exitInWords(code int) string {
	if meaning, known := curlExits[code]; known {
		return fmt.Sprintf("exit %d (%s)", code, meaning)
	}
	return exitPlainly(code)
}

func exitPlainly(code int) string { return fmt.Sprintf("exit %d", code) }

func anys[T any](all []T) []any {
	out := make([]any, len(all))
	for i, one := range all {
		out[i] = one
	}
	return out
}
