package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveRoutes promises the routes of a host in a route table ("http.8080"), all of them and in this order: Envoy takes the first that
// matches. Where the host has no virtual host of its own, Envoy takes the catch-all's, and so does this matcher.
func HaveRoutes(table, host string, routes ...Route) types.GomegaMatcher {
	words := make([]string, len(routes))
	for i, route := range routes {
		words[i] = route.String()
	}
	wanted := strings.Join(words, ", then ")
	h := held{
		name: named("HaveRoutes", table, host), wanted: fmt.Sprintf("in table %s for %s the routes %s", table, host, wanted),
		part: resource(proxyconfig.KindRoute, table),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			found, missing := virtualHost(c, table, expand(host))
			if found == nil {
				return missing
			}
			same := slices.EqualFunc(found.Routes, routes, func(got *proxyconfig.Route, want Route) bool { return want.expanded(expand).fits(got) })
			return fact{holds: same, got: describeHost(found)}
		},
	}
	if len(routes) == 0 || slices.Contains(routes, Route{}) {
		h.misuse = fmt.Errorf("it needs routes with a field each, such as Route{Path: %q}; without any there is HaveNoRoutes", "prefix /status")
	}
	return h.promise()
}
