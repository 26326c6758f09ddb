package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveVirtualHosts promises the virtual hosts of a route table, all of them, in any order: HaveVirtualHosts("http.8080", "blackhole:80").
func HaveVirtualHosts(table string, names ...string) types.GomegaMatcher {
	return held{
		name:   named("HaveVirtualHosts", append([]any{table}, anys(names)...)...),
		wanted: fmt.Sprintf("in table %s the virtual hosts %s", table, orNone(names)),
		part:   resource(proxyconfig.KindRoute, table),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			routes, ok := c.RouteConfig(table)
			if !ok {
				return without("route "+table, "no such table, but "+tables(c))
			}
			var got []string
			for _, host := range routes.VirtualHosts {
				got = append(got, host.Name)
			}
			seen := fact{holds: sameNames(got, names, expand), got: orNone(slices.Sorted(slices.Values(got)))}
			for _, name := range names {
				if !slices.Contains(got, expand(name)) && seen.lacks == "" {
					seen.lacks = virtualHostIn(table, expand(name))
				}
			}
			return seen
		},
	}.promise()
}

// HaveDomains promises the domains of a virtual host, all of them, in any order: the hosts for whose requests Envoy looks into it.
func HaveDomains(table, virtualHost string, domains ...string) types.GomegaMatcher {
	return held{
		name:   named("HaveDomains", append([]any{table, virtualHost}, anys(domains)...)...),
		wanted: fmt.Sprintf("in table %s the virtual host %s for %s", table, virtualHost, orNone(domains)),
		part:   resource(proxyconfig.KindRoute, table),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			routes, ok := c.RouteConfig(table)
			if !ok {
				return without("route "+table, "no such table, but "+tables(c))
			}
			host, ok := routes.VirtualHost(expand(virtualHost))
			if !ok {
				return without(virtualHostIn(table, expand(virtualHost)), "no such virtual host, but "+hosts(routes))
			}
			return fact{holds: sameNames(host.Domains, domains, expand), got: "it for " + orNone(host.Domains)}
		},
	}.promise()
}

func virtualHostIn(table, name string) string {
	return fmt.Sprintf("virtual host %s in route %s", name, table)
}

// sameNames compares regardless of order; wanted names may hold the page's shell variables.
func sameNames(got, wanted []string, expand func(string) string) bool {
	expanded := make([]string, len(wanted))
	for i, name := range wanted {
		expanded[i] = expand(name)
	}
	return slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(expanded)))
}

func hosts(table *proxyconfig.RouteConfig) string {
	names := make([]string, len(table.VirtualHosts))
	for i, host := range table.VirtualHosts {
		names[i] = host.Name
	}
	return strings.Join(names, ", ")
}
