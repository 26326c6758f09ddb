package reports

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestPathText(t *testing.T) {
	g := NewWithT(t)
	g.Expect((*TrafficPath)(nil).Text()).To(BeEmpty())
	g.Expect((&TrafficPath{
		Ways: []Way{{Times: 2, Hops: []Hop{
			{Role: RoleClient, Name: "curl.default\x1b[31m", Line: "exit 0"},
			{
				Role: RoleGateway, Name: "gate.istio-system", Leg: &Leg{Protocol: "HTTP/2", TLS: "TLS 1.3", NoSNI: true, ALPN: "h2", Client: "CN=curl"},
				Line: "GET /\n 503", Cluster: "outbound|443||door", Lines: 2, State: HopUnexpected, Note: "nobody tells of it",
			},
			{Role: RoleUpstream, Name: "door", Address: "198.51.100.7:443", Leg: &Leg{}, State: HopUnreached},
		}}},
		More: 1, Beside: []Hop{{Role: RoleSidecar, Name: "door.default", State: HopSilent, Note: "no line"}},
	}).Text()).To(Equal(`2 times:
client   curl.default�[31m      exit 0
   │     HTTP/2 · TLS 1.3 · no SNI · ALPN h2 · by CN=curl
gateway  gate.istio-system      GET / 503 · outbound|443||door · doubled: 2 lines · ! unexpected: nobody tells of it
   ✗
upstream door 198.51.100.7:443  ! unreached
and 1 more, by other ways
beside   sidecar door.default: no line
`))
}
