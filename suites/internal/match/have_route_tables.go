package match

import (
	"fmt"
	"slices"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// HaveRouteTables promises the route tables that the proxy was sent, all of them, in any order; without names, that it has none. Tables
// that are written into a listener do not count, nor those that only a draining listener still holds.
func HaveRouteTables(names ...string) types.GomegaMatcher {
	return held{
		name:   named("HaveRouteTables", anys(names)...),
		wanted: "the route tables " + orNone(names), negative: len(names) == 0,
		part: namesOf(proxyconfig.KindRoute),
		in: func(c *proxyconfig.Config, expand func(string) string) fact {
			if len(c.Listeners) == 0 {
				return fact{got: "no listeners that could ask for any"} // a dump without any was not asked for them
			}
			return fact{holds: sameNames(tableNames(c), names, expand), got: tables(c)}
		},
	}.promise()
}

func tableNames(c *proxyconfig.Config) []string {
	var names []string
	for _, key := range c.Inventory().Keys() {
		if key.Kind == proxyconfig.KindRoute {
			names = append(names, key.Name)
		}
	}
	return names
}

func tables(c *proxyconfig.Config) string {
	return fmt.Sprintf("the tables %s", orNone(slices.Sorted(slices.Values(tableNames(c)))))
}
