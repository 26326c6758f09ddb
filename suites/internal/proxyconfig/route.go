package proxyconfig

import (
	"net"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// RouteConfig is a route table, such as "http.8080" or "80".
type RouteConfig struct {
	Resource
	VirtualHosts []*VirtualHost
	// IgnorePort tells that the port of the Host header plays no part in choosing the virtual host.
	IgnorePort bool
	Proto      *routev3.RouteConfiguration
}

// VirtualHost is the routes of one host, named "host:port" by Istio.
type VirtualHost struct {
	Name    string
	Domains []string
	// RequireTLS is "ALL" where plain requests are redirected to https, else empty.
	RequireTLS string
	Routes     []*Route
	// CountsAttempts tells that x-envoy-attempt-count is sent to the upstream.
	CountsAttempts bool
	Proto          *routev3.VirtualHost
}

// Route is one rule: what it matches and what is done. Of Clusters, Redirect and
// DirectResponse exactly one is set, as far as the action is one of these.
type Route struct {
	Name           string
	Match          RouteMatch
	Clusters       []WeightedCluster
	Redirect       *Redirect
	DirectResponse *DirectResponse
	// Timeout is nil where Envoy's default applies; 0 switches it off.
	Timeout *time.Duration
	// Retries is how often a failed request is sent again.
	Retries uint32
	// HostRewrite and PrefixRewrite are what the upstream is told instead.
	HostRewrite, PrefixRewrite string
	// Decorator is the operation name, which Envoy hands on in x-envoy-decorator-operation.
	Decorator string
	// Source is the Istio object the route comes from, for example
	// "/apis/networking.istio.io/v1/namespaces/default/virtual-service/httpbin".
	Source string
	Proto  *routev3.Route
}

// RouteMatch is the condition on the path and on headers.
type RouteMatch struct {
	// How is prefix (plain string prefix, /statusx too), path-prefix (whole
	// segments), exact, regex, or connect.
	How, Path string
	// Headers maps a header, pseudo headers included, to its rule.
	Headers map[string]StringMatch
	// Further tells that it has conditions of other kinds: query parameters, a share of the requests, TLS, metadata, letter case.
	Further bool
}

// WeightedCluster is a target and its share.
type WeightedCluster struct {
	Name   string
	Weight uint32
}

// Redirect is the answer "look there".
type Redirect struct {
	// Code is the HTTP status, 301 by default.
	Code uint32
	// HTTPS, Host, Port and Path hold what changes; the rest of the URL is kept.
	HTTPS bool
	Host  string
	Port  uint32
	Path  string
}

// DirectResponse is an answer Envoy gives itself.
type DirectResponse struct {
	Code uint32
	Body string
}

// Cluster is the name of the only target, empty where there are none or several.
func (r *Route) Cluster() string { return only(r.Clusters) }

func only(clusters []WeightedCluster) string {
	if len(clusters) != 1 {
		return ""
	}
	return clusters[0].Name
}

// VirtualHost finds a virtual host by its name, such as "edition.cnn.com:80".
func (r *RouteConfig) VirtualHost(name string) (*VirtualHost, bool) {
	return find(r.VirtualHosts, func(v *VirtualHost) bool { return v.Name == name })
}

// VirtualHostFor finds the virtual host Envoy picks for a Host header, by its
// order: exact domain, longest "*.suffix", longest "prefix.*", then "*".
//
// Source: envoy.config.route.v3.VirtualHost, field domains.
func (r *RouteConfig) VirtualHostFor(host string) (*VirtualHost, bool) {
	if r.IgnorePort {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
	}
	var best *VirtualHost
	highest := 0
	for _, v := range r.VirtualHosts {
		for _, domain := range v.Domains {
			if rank := domainRank(strings.ToLower(domain), strings.ToLower(host)); rank > highest {
				best, highest = v, rank
			}
		}
	}
	return best, best != nil
}

// domainRank orders the ways a domain can match: 0 is no match, more is better.
func domainRank(domain, host string) int {
	const exact, suffix, prefix, all = 1 << 30, 1 << 20, 1 << 10, 1
	switch {
	case domain == host:
		return exact
	case domain == "*":
		return all
	case strings.HasPrefix(domain, "*") && len(host) >= len(domain) && strings.HasSuffix(host, domain[1:]):
		return suffix + len(domain)
	case strings.HasSuffix(domain, "*") && len(host) >= len(domain) && strings.HasPrefix(host, domain[:len(domain)-1]):
		return prefix + len(domain)
	default:
		return 0
	}
}

func (c *Config) addRoute(e entry, r Resource) error {
	table := &routev3.RouteConfiguration{}
	if err := decode(e.Route, table); err != nil {
		return err
	}
	r.Kind, r.raw, r.Name = KindRoute, e.Route, table.GetName()
	e.Name = r.Name
	c.reject(KindRoute, e)
	c.Routes = append(c.Routes, newRouteConfig(table, r))
	return nil
}

func newRouteConfig(table *routev3.RouteConfiguration, r Resource) *RouteConfig {
	view := &RouteConfig{Resource: r, IgnorePort: table.GetIgnorePortInHostMatching(), Proto: table}
	for _, v := range table.GetVirtualHosts() {
		view.VirtualHosts = append(view.VirtualHosts, newVirtualHost(v))
	}
	return view
}

func newVirtualHost(v *routev3.VirtualHost) *VirtualHost {
	view := &VirtualHost{
		Name:           v.GetName(),
		Domains:        v.GetDomains(),
		CountsAttempts: v.GetIncludeRequestAttemptCount(),
		Proto:          v,
	}
	if v.GetRequireTls() != routev3.VirtualHost_NONE {
		view.RequireTLS = v.GetRequireTls().String()
	}
	for _, rule := range v.GetRoutes() {
		view.Routes = append(view.Routes, newRoute(rule))
	}
	return view
}

func newRoute(rule *routev3.Route) *Route {
	view := &Route{
		Name:      rule.GetName(),
		Match:     newRouteMatch(rule.GetMatch()),
		Decorator: rule.GetDecorator().GetOperation(),
		Source:    istioConfig(rule.GetMetadata()),
		Proto:     rule,
	}
	switch action := rule.GetAction().(type) {
	case *routev3.Route_Route:
		view.forward(action.Route)
	case *routev3.Route_Redirect:
		view.Redirect = newRedirect(action.Redirect)
	case *routev3.Route_DirectResponse:
		view.DirectResponse = &DirectResponse{
			Code: action.DirectResponse.GetStatus(),
			Body: action.DirectResponse.GetBody().GetInlineString(),
		}
	}
	return view
}

func (r *Route) forward(action *routev3.RouteAction) {
	if name := action.GetCluster(); name != "" {
		r.Clusters = []WeightedCluster{{Name: name, Weight: 1}}
	}
	for _, w := range action.GetWeightedClusters().GetClusters() {
		r.Clusters = append(r.Clusters, WeightedCluster{Name: w.GetName(), Weight: w.GetWeight().GetValue()})
	}
	if action.GetTimeout() != nil {
		limit := action.GetTimeout().AsDuration()
		r.Timeout = &limit
	}
	r.Retries = action.GetRetryPolicy().GetNumRetries().GetValue()
	r.HostRewrite = action.GetHostRewriteLiteral()
	r.PrefixRewrite = action.GetPrefixRewrite()
}

func newRedirect(action *routev3.RedirectAction) *Redirect {
	codes := map[routev3.RedirectAction_RedirectResponseCode]uint32{
		routev3.RedirectAction_MOVED_PERMANENTLY:  301,
		routev3.RedirectAction_FOUND:              302,
		routev3.RedirectAction_SEE_OTHER:          303,
		routev3.RedirectAction_TEMPORARY_REDIRECT: 307,
		routev3.RedirectAction_PERMANENT_REDIRECT: 308,
	}
	return &Redirect{
		Code:  codes[action.GetResponseCode()],
		HTTPS: action.GetHttpsRedirect() || action.GetSchemeRedirect() == "https",
		Host:  action.GetHostRedirect(),
		Port:  action.GetPortRedirect(),
		Path:  action.GetPathRedirect(),
	}
}

func newRouteMatch(m *routev3.RouteMatch) RouteMatch {
	match := RouteMatch{Further: len(m.GetQueryParameters()) > 0 || len(m.GetDynamicMetadata()) > 0 || m.GetRuntimeFraction() != nil ||
		m.GetTlsContext() != nil || m.GetGrpc() != nil || (m.GetCaseSensitive() != nil && !m.GetCaseSensitive().GetValue())}
	switch path := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Prefix:
		match.How, match.Path = "prefix", path.Prefix
	case *routev3.RouteMatch_PathSeparatedPrefix:
		match.How, match.Path = "path-prefix", path.PathSeparatedPrefix
	case *routev3.RouteMatch_Path:
		match.How, match.Path = "exact", path.Path
	case *routev3.RouteMatch_SafeRegex:
		match.How, match.Path = "regex", path.SafeRegex.GetRegex()
	case *routev3.RouteMatch_ConnectMatcher_:
		match.How = "connect"
	}
	for _, h := range m.GetHeaders() {
		if match.Headers == nil {
			match.Headers = map[string]StringMatch{}
		}
		match.Headers[h.GetName()] = headerMatch(h)
	}
	return match
}

func headerMatch(h *routev3.HeaderMatcher) StringMatch {
	if present, ok := h.GetHeaderMatchSpecifier().(*routev3.HeaderMatcher_PresentMatch); ok {
		if present.PresentMatch == h.GetInvertMatch() {
			return StringMatch{How: "absent"}
		}
		return StringMatch{How: "present"}
	}
	match := newStringMatch(h.GetStringMatch())
	if h.GetInvertMatch() {
		match.How = "not-" + match.How
	}
	return match
}

// istioConfig reads the object istiod says it made a route or cluster from.
func istioConfig(metadata *corev3.Metadata) string {
	return metadata.GetFilterMetadata()["istio"].GetFields()["config"].GetStringValue()
}
