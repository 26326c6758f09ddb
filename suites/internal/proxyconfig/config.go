package proxyconfig

import (
	"iter"
	"slices"
	"strconv"
)

// Config is what one Envoy holds. The collections keep Envoy's order and hold
// every state; the lookup methods answer from resources in force only.
type Config struct {
	Node       Node
	Listeners  []*Listener
	Routes     []*RouteConfig
	Clusters   []*Cluster
	Endpoints  []*LoadAssignment
	Secrets    []*Secret
	Extensions []*Extension

	// ListenersVersion and ClustersVersion are the versions of the last update
	// that changed a listener or a cluster. With istiod they are its push version,
	// for example "2026-11-20T23:30:00Z/42". Answers to a Query do not carry them.
	ListenersVersion, ClustersVersion string

	rejected []Rejection
}

// Node is the identity the proxy shows to its control plane.
type Node struct {
	ID       string         `json:"id"`
	Cluster  string         `json:"cluster"`
	Metadata map[string]any `json:"metadata"`
}

// Warming names every resource that waits for another one before it comes into
// force, as "kind name". An empty answer is part of the proof that a proxy has
// settled. A listener waits 15 s for a secret that does not exist and then goes
// live without it; the secret itself is named for as long as anything wants it.
func (c *Config) Warming() []string {
	var waiting []string
	for r := range c.all() {
		if r.State == Warming && !c.isLeftOver(r) {
			waiting = append(waiting, r.Ref())
		}
	}
	return waiting
}

// Draining names every listener that still finishes old connections. Istio lets
// that take 45 s, and as long the dump shows the listener's route tables and secrets.
func (c *Config) Draining() []string {
	var leaving []string
	for r := range c.all() {
		if r.State == Draining {
			leaving = append(leaving, r.Ref())
		}
	}
	return leaving
}

// Rejected lists the updates Envoy refused and has not seen replaced by a good
// one. Envoy 1.40 records them for listeners only; a refused cluster, route or
// secret shows in the counters (see Stats.Rejections) and at istiod.
func (c *Config) Rejected() []Rejection { return slices.Clone(c.rejected) }

// Listener finds the listener in force that is bound to address and port. Among
// several (inbound listeners of a sidecar share virtual addresses) the first wins.
func (c *Config) Listener(address string, port uint32) (*Listener, bool) {
	return find(c.Listeners, func(l *Listener) bool {
		return l.InForce() && slices.Contains(l.Addresses, Address{Host: address, Port: port})
	})
}

// ListenerNamed finds the listener in force by its name, such as "0.0.0.0_8080" or "virtualOutbound".
func (c *Config) ListenerNamed(name string) (*Listener, bool) {
	return find(c.Listeners, func(l *Listener) bool { return l.InForce() && l.Name == name })
}

// RouteConfig finds the route table in force by its name, such as "http.8080".
func (c *Config) RouteConfig(name string) (*RouteConfig, bool) {
	return find(c.Routes, func(r *RouteConfig) bool { return r.InForce() && r.Name == name })
}

// Cluster finds the cluster in force by its name, such as "outbound|443||edition.cnn.com".
func (c *Config) Cluster(name string) (*Cluster, bool) {
	return find(c.Clusters, func(cl *Cluster) bool { return cl.InForce() && cl.Name == name })
}

// ClustersFor lists the clusters in force whose name speaks of host, whatever
// their direction, port and subset. A guard asserts with it that the proxy does
// not know a host yet.
func (c *Config) ClustersFor(host string) []*Cluster {
	var found []*Cluster
	for _, cl := range c.Clusters {
		if cl.InForce() && cl.Service.Host == host {
			found = append(found, cl)
		}
	}
	return found
}

// Secret finds the secret in force by its name, such as "kubernetes://webapp-credential".
func (c *Config) Secret(name string) (*Secret, bool) {
	return find(c.Secrets, func(s *Secret) bool { return s.InForce() && s.Name == name })
}

// Resource finds what is in force of a kind by its name, for the rare question that no view answers.
func (c *Config) Resource(kind Kind, name string) (Resource, bool) {
	for r := range c.all() {
		if r.InForce() && r.Kind == kind && r.Name == name && !c.isInline(r) {
			return r, true
		}
	}
	return Resource{}, false
}

// EndpointsOf lists the endpoints of a cluster: those served by EDS where the
// dump was taken with them (FullDumpPath, DynamicEndpoints), else the
// ones written into the cluster itself.
func (c *Config) EndpointsOf(cluster string) []Endpoint {
	cl, known := c.Cluster(cluster)
	service := cluster
	if known && cl.EDSServiceName != "" {
		service = cl.EDSServiceName
	}
	assigned, ok := find(c.Endpoints, func(a *LoadAssignment) bool { return a.Name == service })
	switch {
	case ok:
		return assigned.Endpoints
	case known:
		return cl.Endpoints
	default:
		return nil
	}
}

func find[T any](from []T, matches func(T) bool) (T, bool) {
	if i := slices.IndexFunc(from, matches); i >= 0 {
		return from[i], true
	}
	var none T
	return none, false
}

// Address is where a listener is bound or an endpoint lives. Port is 0 for a
// Unix socket and for an internal listener, whose names stand in Host.
type Address struct {
	Host string
	Port uint32
}

// String is host:port, or the host alone where there is no port.
func (a Address) String() string {
	if a.Port == 0 {
		return a.Host
	}
	return a.Host + ":" + strconv.FormatUint(uint64(a.Port), 10)
}

// all yields what the resources of every kind have in common.
func (c *Config) all() iter.Seq[Resource] {
	return func(yield func(Resource) bool) {
		_ = each(c.Listeners, yield) && each(c.Routes, yield) && each(c.Clusters, yield) &&
			each(c.Endpoints, yield) && each(c.Secrets, yield) && each(c.Extensions, yield)
	}
}

func each[T interface{ common() Resource }](of []T, yield func(Resource) bool) bool {
	for _, r := range of {
		if !yield(r.common()) {
			return false
		}
	}
	return true
}
