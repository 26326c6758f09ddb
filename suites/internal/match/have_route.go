package match

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// Route is a pattern for a route. Only the fields that are set must fit, and a route with other conditions than its path does not.
type Route struct {
	Path      string // the match, "prefix /status" or "exact /"
	Cluster   string // where all requests go
	Decorator string // the operation's name
	Source    string // end of the Istio object's path, "virtual-service/webapp-vs-from-gw"
	Redirect  bool   // to https
}

// HaveRoute promises one route that fits in a route table ("http.8080", "80"), among those for a host. Where the host has none of its own, Envoy
// takes the catch-all's, and so does this matcher.
func HaveRoute(table, host string, want Route) types.GomegaMatcher {
	h := held{
		name: named("HaveRoute", table, host), wanted: fmt.Sprintf("in table %s for %s the route %s", table, host, want),
		part: resource(proxyconfig.KindRoute, table),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			routes, missing := virtualHost(c, table, expand(host))
			if routes == nil {
				return missing
			}
			wholeHost := want == Route{Redirect: true} && routes.RequireTLS == "ALL" // Istio's httpsRedirect makes no route of its own
			fitting := 0
			for _, route := range routes.Routes {
				if want.expanded(expand).fits(route) {
					fitting++
				}
			}
			if fitting == 1 || (wholeHost && fitting == 0) {
				return fact{holds: true, got: "that route"}
			}
			return fact{got: describeHost(routes)}
		},
	}
	if want == (Route{}) {
		h.misuse = errors.New(`it needs a field of the route, such as Route{Path: "prefix /"}`)
	}
	return h.promise()
}

// HaveNoRoutes promises that a route table has a virtual host for a host, or the catch-all, but no route in it: Envoy answers 404.
func HaveNoRoutes(table, host string) types.GomegaMatcher {
	return held{
		name: named("HaveNoRoutes", table, host), wanted: fmt.Sprintf("in table %s no route for %s", table, host), negative: true,
		part: resource(proxyconfig.KindRoute, table),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			routes, missing := virtualHost(c, table, expand(host))
			if routes == nil {
				return missing
			}
			return fact{holds: len(routes.Routes) == 0, got: describeHost(routes)}
		},
	}.promise()
}

// virtualHost is the one for a host; nil where there is none, and what there is instead.
func virtualHost(c *proxyconfig.Config, table, host string) (*proxyconfig.VirtualHost, fact) {
	routes, ok := c.RouteConfig(table)
	if !ok {
		var names []string
		for _, known := range c.Routes {
			names = append(names, known.Name)
		}
		slices.Sort(names)
		return nil, without("route "+table, "no such table, but "+strings.Join(names, ", "))
	}
	found, ok := routes.VirtualHostFor(host)
	if !ok {
		var domains []string
		for _, other := range routes.VirtualHosts {
			domains = append(domains, other.Domains...)
		}
		return nil, without("virtual host for "+host+" in route "+table, "no virtual host for it, but for "+strings.Join(domains, ", "))
	}
	return found, fact{}
}

func (r Route) expanded(expand func(string) string) Route {
	r.Path, r.Cluster, r.Decorator, r.Source = expand(r.Path), expand(r.Cluster), expand(r.Decorator), expand(r.Source)
	return r
}

// fits tells whether a route is as wanted.
func (r Route) fits(got *proxyconfig.Route) bool {
	return len(got.Match.Headers) == 0 && !got.Match.Further &&
		(r.Path == "" || r.Path == pathOf(got)) &&
		(r.Cluster == "" || r.Cluster == got.Cluster()) &&
		(r.Decorator == "" || r.Decorator == got.Decorator) &&
		strings.HasSuffix(got.Source, r.Source) &&
		(!r.Redirect || (got.Redirect != nil && got.Redirect.HTTPS))
}

// String is the pattern in words.
func (r Route) String() string {
	words := []string{r.Path}
	if r.Cluster != "" {
		words = append(words, "to "+r.Cluster)
	}
	if r.Redirect {
		words = append(words, "redirected to https")
	}
	if r.Decorator != "" {
		words = append(words, "decorated "+r.Decorator)
	}
	if r.Source != "" {
		words = append(words, "from "+r.Source)
	}
	return "{" + strings.TrimSpace(strings.Join(words, " ")) + "}"
}

// conditions are those of a route beside its path, in words.
func conditions(match proxyconfig.RouteMatch) string {
	var words []string
	for _, name := range sortedKeys(match.Headers) {
		words = append(words, name+" "+match.Headers[name].String())
	}
	if match.Further {
		words = append(words, "more")
	}
	if len(words) == 0 {
		return ""
	}
	return " where " + strings.Join(words, ", ")
}

func pathOf(r *proxyconfig.Route) string { return strings.TrimSpace(r.Match.How + " " + r.Match.Path) }

func describeHost(h *proxyconfig.VirtualHost) string {
	words := []string{"virtual host " + h.Name}
	if h.RequireTLS != "" {
		words = append(words, "redirected to https")
	}
	for _, r := range h.Routes {
		got := Route{
			Path: pathOf(r), Cluster: r.Cluster(), Decorator: r.Decorator, Source: r.Source, Redirect: r.Redirect != nil && r.Redirect.HTTPS,
		}
		words = append(words, got.String()+conditions(r.Match))
	}
	if len(h.Routes) == 0 {
		words = append(words, "without routes")
	}
	return strings.Join(words, " ")
}
