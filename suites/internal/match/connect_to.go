package match

import (
	"fmt"
	"net/netip"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// ConnectTo promises the address and port that curl connected to last (its remote_ip and remote_port).
func ConnectTo(address string, port uint16) types.GomegaMatcher {
	return promise{
		name: named("ConnectTo", address, port), kind: aRequest,
		judge: func(e probe.Evidence) (finding, error) {
			text, err := expand(e, address)
			if err != nil {
				return finding{}, err
			}
			ip, err := netip.ParseAddr(text)
			if err != nil {
				return finding{}, fmt.Errorf("it needs an IP address, and %q is none", text)
			}
			wanted := netip.AddrPortFrom(ip, port)
			got := "a connection to " + e.Remote.String()
			if !e.Remote.IsValid() {
				got = "no connection (" + exitInWords(e.Exit) + ")"
			}
			return finding{holds: e.Remote == wanted, wanted: "a connection to " + wanted.String(), got: got}, nil
		},
	}
}
