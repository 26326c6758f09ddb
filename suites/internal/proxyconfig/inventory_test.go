package proxyconfig_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// edited parses a dump after a change to its JSON tree.
func edited(t *testing.T, name string, edit func(tree map[string]any)) *proxyconfig.Config {
	t.Helper()
	g := NewWithT(t)
	var tree map[string]any
	g.Expect(json.Unmarshal(readDump(t, name), &tree)).To(Succeed())
	edit(tree)
	dump, err := json.Marshal(tree)
	g.Expect(err).NotTo(HaveOccurred())
	config, err := proxyconfig.Parse(dump)
	g.Expect(err).NotTo(HaveOccurred())
	return config
}

// visit calls do for every value of that key.
func visit(node any, key string, do func(value any) any) {
	switch v := node.(type) {
	case []any:
		for _, element := range v {
			visit(element, key, do)
		}
	case map[string]any:
		for name, value := range v {
			if name == key {
				v[name] = do(value)
			}
			visit(value, key, do)
		}
	}
}

func TestVersionsTimesAndInsignificantOrderDoNotCount(t *testing.T) {
	g := NewWithT(t)
	before := parseDump(t, "ingressgateway").Inventory()
	after := edited(t, "ingressgateway", func(tree map[string]any) {
		visit(tree, "version_info", func(any) any { return "2030-01-01T00:00:00Z/99" })
		visit(tree, "last_updated", func(any) any { return "2030-01-01T00:00:00Z" })
		for _, list := range []string{"filter_chains", "virtual_hosts", "dynamic_listeners", "dynamic_route_configs"} {
			visit(tree, list, reversed)
		}
	}).Inventory()

	difference := proxyconfig.Diff(before, after)
	g.Expect(difference.Empty()).To(BeTrue(), "%s", difference)
	g.Expect(difference.String()).To(BeEmpty())
	g.Expect(after.Fingerprint()).To(Equal(before.Fingerprint()))
	g.Expect(before).NotTo(BeEmpty())
}

func reversed(list any) any {
	elements, ok := list.([]any)
	if !ok {
		return list
	}
	turned := make([]any, 0, len(elements))
	for i := range elements {
		turned = append(turned, elements[len(elements)-1-i])
	}
	return turned
}

func TestOrderOfRoutesCounts(t *testing.T) {
	g := NewWithT(t)
	before := parseDump(t, "ingressgateway").Inventory()
	after := edited(t, "ingressgateway", func(tree map[string]any) { visit(tree, "routes", reversed) }).Inventory()

	g.Expect(proxyconfig.Diff(before, after).Changed).NotTo(BeEmpty())
	g.Expect(after.Fingerprint()).NotTo(Equal(before.Fingerprint()))
}

func TestADifferenceSaysWhatChanged(t *testing.T) {
	g := NewWithT(t)
	before := parseDump(t, "ingressgateway").Inventory()
	after := edited(t, "ingressgateway", func(tree map[string]any) {
		visit(tree, "timeout", func(value any) any {
			if value == "3s" {
				return "7s"
			}
			return value
		})
		visit(tree, "dynamic_listeners", func(list any) any { return list.([]any)[:1] })
		visit(tree, "dynamic_active_clusters", func(list any) any {
			clusters := list.([]any)
			extra := map[string]any{"cluster": map[string]any{"name": "outbound|80||leak.example"}}
			return append(clusters, extra)
		})
	}).Inventory()

	difference := proxyconfig.Diff(before, after)
	g.Expect(difference.Empty()).To(BeFalse())
	g.Expect(difference.Added).To(ConsistOf(proxyconfig.Key{Kind: proxyconfig.KindCluster, Name: "outbound|80||leak.example"}))
	g.Expect(difference.Removed).To(ContainElement(proxyconfig.Key{Kind: proxyconfig.KindListener, Name: "0.0.0.0_8443"}))
	text := difference.String()
	g.Expect(text).To(ContainSubstring("+ cluster outbound|80||leak.example\n"))
	g.Expect(text).To(ContainSubstring("- listener 0.0.0.0_8443\n"))
	g.Expect(text).To(ContainSubstring("~ route http.8080\n"))
	g.Expect(text).To(MatchRegexp(`(?m)^    - +"timeout": "3s"$`))
	g.Expect(text).To(MatchRegexp(`(?m)^    \+ +"timeout": "7s"$`))
	g.Expect(strings.Count(text, "\n")).To(BeNumerically("<", 60))
}

func TestALongDifferenceIsCut(t *testing.T) {
	g := NewWithT(t)
	key := proxyconfig.Key{Kind: proxyconfig.KindRoute, Name: "80"}
	text := proxyconfig.Diff(
		proxyconfig.Inventory{key: strings.Repeat("a\n", 100)},
		proxyconfig.Inventory{key: strings.Repeat("b\n", 100)},
	).String()
	g.Expect(text).To(HavePrefix("~ route 80\n    @@ "))
	g.Expect(text).To(HaveSuffix("    ... 161 more lines differ"))
}

func TestInventoryIgnoresByName(t *testing.T) {
	g := NewWithT(t)
	config := parseDump(t, "egressgateway")
	all := config.Inventory()
	without := config.Inventory(func(k proxyconfig.Key) bool { return strings.Contains(k.Name, "edition.cnn.com") })

	removed := proxyconfig.Diff(all, without).Removed
	g.Expect(removed).To(ConsistOf(
		proxyconfig.Key{Kind: proxyconfig.KindCluster, Name: "outbound|443||edition.cnn.com"},
		proxyconfig.Key{Kind: proxyconfig.KindCluster, Name: "outbound|80||edition.cnn.com"},
		proxyconfig.Key{Kind: proxyconfig.KindEndpoints, Name: "outbound|443||edition.cnn.com"},
		proxyconfig.Key{Kind: proxyconfig.KindEndpoints, Name: "outbound|80||edition.cnn.com"},
	))
}

func TestInventoryHashes(t *testing.T) {
	g := NewWithT(t)
	inventory := parseDump(t, "sidecar").Inventory()
	route := proxyconfig.Key{Kind: proxyconfig.KindRoute, Name: "80"}
	g.Expect(inventory.Hash(route)).To(HaveLen(64))
	g.Expect(inventory.Hash(proxyconfig.Key{Kind: proxyconfig.KindRoute, Name: "81"})).To(BeEmpty())
	g.Expect(inventory.Keys()).To(ContainElement(route))
	for key := range inventory {
		g.Expect(key.Name).NotTo(BeEmpty())
	}
}

// A secret whose Gateway is gone stays in the dump while the old listener drains.
func TestASecretNobodyAsksForIsLeftOut(t *testing.T) {
	g := NewWithT(t)
	key := proxyconfig.Key{Kind: proxyconfig.KindSecret, Name: "kubernetes://pxc-mutual"}
	g.Expect(parseDump(t, "ingressgateway").Inventory()).To(HaveKey(key))

	dump := bytes.ReplaceAll(readDump(t, "ingressgateway"), []byte(`"name": "kubernetes://pxc-mutual"`), []byte(`"name": "kubernetes://pxc-other"`))
	renamed, err := proxyconfig.Parse(dump)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(renamed.Inventory()).To(HaveKey(proxyconfig.Key{Kind: proxyconfig.KindSecret, Name: "kubernetes://pxc-other"}))

	dump = bytes.Replace(readDump(t, "ingressgateway"), []byte(`"name": "kubernetes://pxc-mutual"`), []byte(`"name": "kubernetes://pxc-other"`), 1)
	orphaned, err := proxyconfig.Parse(dump)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(orphaned.Inventory()).NotTo(HaveKey(key))
}

// The text of one resource is that of the inventory; names alone are those of the inventory's keys.
func TestTextIsTheInventorys(t *testing.T) {
	g := NewWithT(t)
	config := parseDump(t, "ingressgateway")
	all := config.Inventory()
	names := map[proxyconfig.Kind]string{}
	for _, key := range all.Keys() {
		g.Expect(config.Text(key)).To(Equal(all[key]), key.String())
		names[key.Kind] += key.Name + "\n"
	}
	for kind, text := range names {
		g.Expect(config.Text(proxyconfig.Key{Kind: kind})).To(Equal(text))
	}
	route := proxyconfig.Key{Kind: proxyconfig.KindRoute, Name: "http.8080"}
	g.Expect(config.Text(route)).NotTo(BeEmpty())
	g.Expect(config.Text(route, func(k proxyconfig.Key) bool { return k == route })).To(BeEmpty())
	g.Expect(config.Text(proxyconfig.Key{Kind: proxyconfig.KindRoute, Name: "http.9999"})).To(BeEmpty())
}
