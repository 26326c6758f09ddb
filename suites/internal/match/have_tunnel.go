package match

import (
	"fmt"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HaveTunnel promises the status that the proxy (curl -x, HTTPS_PROXY) gave to CONNECT: 200 for a tunnel, 403 for a refusal.
func HaveTunnel(code int) types.GomegaMatcher {
	return promise{
		name: named("HaveTunnel", code), kind: aRequest, negative: isError(code), refuses: isError(code),
		judge: func(e probe.Evidence) (finding, error) {
			found := finding{wanted: fmt.Sprintf("status %d from the proxy to CONNECT", code), got: "no answer of a proxy to CONNECT"}
			if text := e.CurlError(); text != "" {
				found.got += ": " + text
			}
			if e.Tunnel != nil {
				found.holds, found.got = e.Tunnel.Code == code, e.Tunnel.Line()
			}
			return found, nil
		},
	}
}
