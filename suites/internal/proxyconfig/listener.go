package proxyconfig

import (
	"net/netip"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
)

// Listener is a place where the proxy accepts connections.
type Listener struct {
	Resource
	// Addresses holds the main address first, then the additional ones.
	Addresses []Address
	// Direction is INBOUND, OUTBOUND or UNSPECIFIED.
	Direction string
	// Virtual listeners (bind_to_port false) have no socket of their own: the
	// sidecar's real listener hands connections to them by original destination.
	Virtual         bool
	ListenerFilters []Filter
	FilterChains    []*FilterChain
	// Default serves connections no chain matches; nil where they are closed.
	Default    *FilterChain
	AccessLogs []AccessLog
	Proto      *listenerv3.Listener
}

// CatchAll is the chain for connections that meet no other chain's condition: the default one, or one without a condition. Nil where there is none.
//
// Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener.proto#config-listener-v3-listener
func (l *Listener) CatchAll() *FilterChain {
	for _, chain := range l.FilterChains {
		if chain.Match.isEmpty() {
			return chain
		}
	}
	return l.Default
}

func (m Match) isEmpty() bool {
	return len(m.ServerNames)+len(m.ApplicationProtocols)+len(m.Prefixes) == 0 && m.TransportProtocol == "" && m.DestinationPort == 0
}

// FilterChain is what happens to the connections that satisfy Match.
type FilterChain struct {
	Name    string
	Match   Match
	Filters []Filter
	// HTTP is nil where the chain does not speak HTTP.
	HTTP *HTTP
	// TCP is nil where the chain does not end in a TCP proxy.
	TCP *TCP
	// TLS is nil where the chain does not terminate TLS.
	TLS *TLS
}

// Match is the condition of a filter chain; an empty field is no condition.
type Match struct {
	ServerNames          []string
	TransportProtocol    string
	ApplicationProtocols []string
	DestinationPort      uint32
	Prefixes             []netip.Prefix
}

// HTTP is an HTTP connection manager.
type HTTP struct {
	StatPrefix string
	// RouteName is the table asked for by RDS, or the name of the inline one.
	RouteName string
	// Inline is the route table written into the listener; nil where RDS serves it.
	Inline     *RouteConfig
	Filters    []Filter
	AccessLogs []AccessLog
	// ServerName is the value of the server response header, "istio-envoy".
	ServerName string
	// UseRemoteAddress and ForwardClientCert decide x-forwarded-for and x-forwarded-client-cert.
	UseRemoteAddress  bool
	ForwardClientCert string
	Tracing           bool
	Proto             *hcmv3.HttpConnectionManager
}

// TCP is a TCP proxy.
type TCP struct {
	StatPrefix string
	// Clusters is one cluster, or several with weights.
	Clusters   []WeightedCluster
	AccessLogs []AccessLog
	Proto      *tcpproxyv3.TcpProxy
}

// Cluster is the name of the only target, empty where there are several.
func (t *TCP) Cluster() string { return only(t.Clusters) }

// HasListenerFilter tells whether a filter such as "envoy.filters.listener.tls_inspector" looks at new connections.
func (l *Listener) HasListenerFilter(name string) bool {
	_, ok := find(l.ListenerFilters, func(f Filter) bool { return f.Name == name })
	return ok
}

// FilterChainFor finds the chain Envoy picks for a TLS client hello that carries
// serverName, by Envoy's own precedence: the exact name, then the longest
// wildcard, then a chain without names. An empty serverName is a client without
// SNI. Other conditions are left aside; the first chain wins a tie.
//
// Source: envoy.config.listener.v3.FilterChainMatch.
func (l *Listener) FilterChainFor(serverName string) (*FilterChain, bool) {
	var best *FilterChain
	longest := -1
	for _, chain := range l.FilterChains {
		if fit := chain.Match.fit(serverName); fit > longest {
			best, longest = chain, fit
		}
	}
	if best == nil {
		best = l.Default
	}
	return best, best != nil
}

// FilterChainNamed finds a chain by its name.
func (l *Listener) FilterChainNamed(name string) (*FilterChain, bool) {
	return find(l.FilterChains, func(c *FilterChain) bool { return c.Name == name })
}

// fit says how well the match fits a server name: -1 not at all, 0 where it
// names none, else the number of characters that agree. An exact name beats any wildcard.
func (m Match) fit(serverName string) int {
	if len(m.ServerNames) == 0 {
		return 0
	}
	best := -1
	for _, pattern := range m.ServerNames {
		suffix, isWildcard := strings.CutPrefix(pattern, "*")
		switch {
		case strings.EqualFold(pattern, serverName) && serverName != "":
			return len(serverName) + 1
		case isWildcard && serverName != "" && strings.HasSuffix(strings.ToLower(serverName), strings.ToLower(suffix)):
			best = max(best, len(suffix))
		}
	}
	return best
}

// HTTPFilters names the HTTP filters of the chain in their order.
func (f *FilterChain) HTTPFilters() []string {
	if f.HTTP == nil {
		return nil
	}
	names := make([]string, 0, len(f.HTTP.Filters))
	for _, filter := range f.HTTP.Filters {
		names = append(names, filter.Name)
	}
	return names
}

// RouteName is the route table the chain's requests are looked up in, empty where it does not speak HTTP.
func (f *FilterChain) RouteName() string {
	if f.HTTP == nil {
		return ""
	}
	return f.HTTP.RouteName
}

// addListenerStates adds a dynamic listener, which stands in the dump with up to three versions of itself.
func (c *Config) addListenerStates(e entry, r Resource) error {
	c.reject(KindListener, e)
	for _, version := range []struct {
		of    *entry
		state State
	}{{e.Active, Active}, {e.Warming, Warming}, {e.Draining, Draining}} {
		if version.of == nil {
			continue
		}
		r.State, r.Version, r.Updated = version.state, version.of.Version, version.of.Updated
		if err := c.addListener(*version.of, r); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) addListener(e entry, r Resource) error {
	l := &listenerv3.Listener{}
	if err := decode(e.Listener, l); err != nil {
		return err
	}
	r.Kind, r.raw = KindListener, e.Listener
	if r.Name == "" {
		r.Name = l.GetName()
	}
	view := newListener(l, r)
	if view.Name == "" { // a bootstrap file may leave it out
		view.Name = view.Addresses[0].String()
	}
	c.Listeners = append(c.Listeners, view)
	return nil
}

func newListener(l *listenerv3.Listener, r Resource) *Listener {
	view := &Listener{
		Resource:   r,
		Addresses:  []Address{newAddress(l.GetAddress())},
		Direction:  l.GetTrafficDirection().String(),
		Virtual:    l.GetBindToPort() != nil && !l.GetBindToPort().GetValue(),
		AccessLogs: accessLogs(l.GetAccessLog()),
		Proto:      l,
	}
	for _, more := range l.GetAdditionalAddresses() {
		view.Addresses = append(view.Addresses, newAddress(more.GetAddress()))
	}
	for _, f := range l.GetListenerFilters() {
		view.ListenerFilters = append(view.ListenerFilters, newFilter(f.GetName(), f.GetTypedConfig()))
	}
	for _, chain := range l.GetFilterChains() {
		view.FilterChains = append(view.FilterChains, newFilterChain(chain))
	}
	if chain := l.GetDefaultFilterChain(); chain != nil {
		view.Default = newFilterChain(chain)
	}
	return view
}

func newFilterChain(chain *listenerv3.FilterChain) *FilterChain {
	view := &FilterChain{
		Name:  chain.GetName(),
		Match: newMatch(chain.GetFilterChainMatch()),
		TLS:   downstreamTLS(chain.GetTransportSocket()),
	}
	for _, f := range chain.GetFilters() {
		view.Filters = append(view.Filters, newFilter(f.GetName(), f.GetTypedConfig()))
		var hcm hcmv3.HttpConnectionManager
		var tcp tcpproxyv3.TcpProxy
		switch {
		case unpack(f.GetTypedConfig(), &hcm):
			view.HTTP = newHTTP(&hcm)
		case unpack(f.GetTypedConfig(), &tcp):
			view.TCP = newTCP(&tcp)
		}
	}
	return view
}

func newMatch(m *listenerv3.FilterChainMatch) Match {
	match := Match{
		ServerNames:          m.GetServerNames(),
		TransportProtocol:    m.GetTransportProtocol(),
		ApplicationProtocols: m.GetApplicationProtocols(),
		DestinationPort:      m.GetDestinationPort().GetValue(),
	}
	for _, r := range m.GetPrefixRanges() {
		if prefix, ok := newPrefix(r); ok {
			match.Prefixes = append(match.Prefixes, prefix)
		}
	}
	return match
}

func newPrefix(r *corev3.CidrRange) (netip.Prefix, bool) {
	address, err := netip.ParseAddr(r.GetAddressPrefix())
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(address, int(r.GetPrefixLen().GetValue())), true
}

func newHTTP(hcm *hcmv3.HttpConnectionManager) *HTTP {
	view := &HTTP{
		StatPrefix:        hcm.GetStatPrefix(),
		RouteName:         hcm.GetRds().GetRouteConfigName(),
		AccessLogs:        accessLogs(hcm.GetAccessLog()),
		ServerName:        hcm.GetServerName(),
		UseRemoteAddress:  hcm.GetUseRemoteAddress().GetValue(),
		ForwardClientCert: hcm.GetForwardClientCertDetails().String(),
		Tracing:           hcm.GetTracing() != nil,
		Proto:             hcm,
	}
	if inline := hcm.GetRouteConfig(); inline != nil {
		view.Inline = newRouteConfig(inline, Resource{Kind: KindRoute, Name: inline.GetName(), Static: true, State: Active})
		view.RouteName = inline.GetName()
	}
	for _, f := range hcm.GetHttpFilters() {
		view.Filters = append(view.Filters, newFilter(f.GetName(), f.GetTypedConfig()))
	}
	return view
}

func newTCP(tcp *tcpproxyv3.TcpProxy) *TCP {
	view := &TCP{StatPrefix: tcp.GetStatPrefix(), AccessLogs: accessLogs(tcp.GetAccessLog()), Proto: tcp}
	if name := tcp.GetCluster(); name != "" {
		view.Clusters = []WeightedCluster{{Name: name, Weight: 1}}
	}
	for _, w := range tcp.GetWeightedClusters().GetClusters() {
		view.Clusters = append(view.Clusters, WeightedCluster{Name: w.GetName(), Weight: w.GetWeight()})
	}
	return view
}

func newAddress(a *corev3.Address) Address {
	switch {
	case a.GetSocketAddress() != nil:
		return Address{Host: a.GetSocketAddress().GetAddress(), Port: a.GetSocketAddress().GetPortValue()}
	case a.GetPipe() != nil:
		return Address{Host: a.GetPipe().GetPath()}
	case a.GetEnvoyInternalAddress() != nil:
		return Address{Host: a.GetEnvoyInternalAddress().GetServerListenerName()}
	default:
		return Address{}
	}
}
