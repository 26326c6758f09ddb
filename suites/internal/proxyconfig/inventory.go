package proxyconfig

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Inventory is what a proxy holds, by name and content. It leaves out whatever
// changes without a change of meaning: versions, time stamps, the order of
// virtual hosts, filter chains and endpoints, and tables no listener asks for.
type Inventory map[Key]string

// Key names a resource.
type Key struct {
	Kind Kind
	Name string
}

// String is "kind name".
func (k Key) String() string { return string(k.Kind) + " " + k.Name }

// Ignore leaves resources out of an inventory: the marks of a harness, for example.
type Ignore func(Key) bool

// Inventory lists the resources in force with their canonical JSON. Route tables
// and secrets that only draining listeners still hold are left out: no new
// connection can reach them and Envoy drops them when the last old one ends.
func (c *Config) Inventory(ignore ...Ignore) Inventory {
	inventory := Inventory{}
	for r := range c.all() {
		key := Key{Kind: r.Kind, Name: r.Name}
		if isIgnored(key, ignore) || !c.counts(r) {
			continue
		}
		inventory[key] = canonical(r.raw)
	}
	return inventory
}

// Text is the canonical JSON of one resource of the inventory; of a key without a name the names of all resources of the kind, one a line, sorted.
// It is empty where there is none.
func (c *Config) Text(key Key, ignore ...Ignore) string {
	var names []string
	for r := range c.all() {
		switch {
		case r.Kind != key.Kind || !c.counts(r) || isIgnored(Key{Kind: r.Kind, Name: r.Name}, ignore):
		case key.Name == "":
			names = append(names, r.Name+"\n")
		case r.Name == key.Name:
			return canonical(r.raw)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), "")
}

func isIgnored(key Key, ignore []Ignore) bool {
	return slices.ContainsFunc(ignore, func(skip Ignore) bool { return skip(key) })
}

// counts tells of what belongs into an inventory.
func (c *Config) counts(r Resource) bool { return r.InForce() && !c.isInline(r) && !c.isLeftOver(r) }

// isInline tells of a route table that is printed inside its listener as well.
func (c *Config) isInline(r Resource) bool { return r.Kind == KindRoute && r.Static }

// isLeftOver tells of a route table or secret that only draining listeners (or
// filter chains) still hold. Nothing can be said of a narrow query, which has no
// listeners, nor of static resources.
func (c *Config) isLeftOver(r Resource) bool {
	if r.Static || len(c.Listeners) == 0 {
		return false
	}
	switch r.Kind {
	case KindRoute:
		return !slices.ContainsFunc(c.Listeners, func(l *Listener) bool { return l.State != Draining && l.asksFor(r.Name) })
	case KindSecret:
		return len(c.Clusters) > 0 && !c.mentions(r.Name)
	default:
		return false
	}
}

func (l *Listener) asksFor(routeName string) bool {
	chains := l.FilterChains
	if l.Default != nil {
		chains = append(slices.Clone(chains), l.Default)
	}
	return slices.ContainsFunc(chains, func(f *FilterChain) bool { return f.RouteName() == routeName })
}

// mentions looks for a secret's name in the text of the listeners and clusters
// that serve or will serve: transport sockets nest in too many ways to follow.
func (c *Config) mentions(secret string) bool {
	quoted, err := json.Marshal(secret)
	if err != nil {
		return true
	}
	for r := range c.all() {
		if (r.Kind == KindListener || r.Kind == KindCluster) && r.State != Draining && bytes.Contains(r.raw, quoted) {
			return true
		}
	}
	return false
}

// Keys lists the resources by kind and name.
func (i Inventory) Keys() []Key {
	return slices.SortedFunc(maps.Keys(i), compareKeys)
}

func compareKeys(a, b Key) int {
	if byKind := strings.Compare(string(a.Kind), string(b.Kind)); byKind != 0 {
		return byKind
	}
	return strings.Compare(a.Name, b.Name)
}

// Hash is the content hash of one resource, empty where it is not there.
func (i Inventory) Hash(key Key) string {
	content, ok := i[key]
	if !ok {
		return ""
	}
	return digest(content)
}

// Fingerprint is one hash over all names and contents. Two proxies with the same
// fingerprint hold the same configuration.
func (i Inventory) Fingerprint() string {
	all := sha256.New()
	for _, key := range i.Keys() {
		all.Write([]byte(key.String() + "\n" + i[key] + "\n"))
	}
	return hex.EncodeToString(all.Sum(nil))
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}
