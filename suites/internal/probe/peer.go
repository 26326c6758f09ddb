package probe

import "strings"

// SidecarContainer is the name Istio gives the proxy's container, in sidecars and in gateways alike.
const SidecarContainer = "istio-proxy"

// Peer names one container of one workload of the pages. It is comparable, and the key under which evidence is kept.
type Peer struct {
	Namespace string
	Workload  string // the Deployment's name; all its pods are meant
	Container string
}

// Proxy is the Envoy beside (or, for a gateway, inside) the workload.
func (p Peer) Proxy() Peer {
	p.Container = SidecarContainer
	return p
}

// IsZero tells whether nothing is named.
func (p Peer) IsZero() bool { return p == Peer{} }

// String is the peer as a report shows it: "curl.default", or "istio-proxy of curl.default" for a sidecar.
func (p Peer) String() string {
	name := p.Workload + "." + p.Namespace
	if p.Container == "" || p.Container == p.Workload {
		return name
	}
	return p.Container + " of " + name
}

// MarshalText writes namespace/workload/container, so that a Peer can be the key of a JSON object.
func (p Peer) MarshalText() ([]byte, error) {
	return []byte(p.Namespace + "/" + p.Workload + "/" + p.Container), nil
}

// UnmarshalText reads what MarshalText wrote.
func (p *Peer) UnmarshalText(text []byte) error {
	parts := strings.SplitN(string(text), "/", 3)
	for len(parts) < 3 {
		parts = append(parts, "")
	}
	*p = Peer{Namespace: parts[0], Workload: parts[1], Container: parts[2]}
	return nil
}
