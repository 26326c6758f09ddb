package scenario

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Component is a program of the testbed with a version of its own.
type Component string

// The components that promises are bound to.
const (
	Istio      Component = "Istio"
	Envoy      Component = "Envoy" // by its own version, also where it is Istio's build
	Kubernetes Component = "Kubernetes"
)

// Bound is the version of a component from which on something holds, or before which it held, and who says so. Pre-releases count as the version
// that they lead to: 1.32-alpha.0 is a 1.32.
type Bound struct {
	Component Component
	Since     string // "1.32": from it on
	Until     string // "1.32": before it
	Why       string // a release note or a report
}

// Since bounds a promise to a version and those after it: what is older cannot show it.
func Since(c Component, version, why string) Refine {
	return func(e *Expectation) { e.Bounds = append(e.Bounds, Bound{Component: c, Since: version, Why: why}) }
}

// Until bounds a promise to what is older than a version, which shows it no more.
func Until(c Component, version, why string) Refine {
	return func(e *Expectation) { e.Bounds = append(e.Bounds, Bound{Component: c, Until: version, Why: why}) }
}

// Excludes is why something that is bound so cannot be shown where this version runs; "" where it can. A version that nobody can read excludes nothing: the
// promise is asserted.
func (b Bound) Excludes(running string) string {
	runs, known := parseVersion(running)
	if !known {
		return ""
	}
	if since, bound := parseVersion(b.Since); bound && runs.compare(since) < 0 {
		return fmt.Sprintf("it holds since %s %s, and %s runs: %s", b.Component, b.Since, running, b.Why)
	}
	if until, bound := parseVersion(b.Until); bound && runs.compare(until) >= 0 {
		return fmt.Sprintf("it held until %s %s, and %s runs: %s", b.Component, b.Until, running, b.Why)
	}
	return ""
}

// String is the bound in words: "since Istio 1.32: a release note".
func (b Bound) String() string {
	words := ""
	if b.Since != "" {
		words = fmt.Sprintf("since %s %s", b.Component, b.Since)
	}
	if b.Until != "" {
		words = strings.TrimSpace(fmt.Sprintf("%s until %s %s", words, b.Component, b.Until))
	}
	return words + ": " + b.Why
}

// HasBounds tells whether anything of the page is bound to versions.
func (p Page) HasBounds() bool {
	return slices.ContainsFunc(p.Scenarios, func(s Scenario) bool {
		return len(s.Bounds) > 0 || slices.ContainsFunc(s.Steps, func(step Step) bool {
			return slices.ContainsFunc(step.Want, func(e Expectation) bool { return len(e.Bounds) > 0 })
		})
	})
}

// Excluded is the first reason of several bounds, by what runs.
func Excluded(bounds []Bound, runs func(Component) string) string {
	for _, b := range bounds {
		if why := b.Excludes(runs(b.Component)); why != "" {
			return why
		}
	}
	return ""
}

// versionNumbers are the numbers of a version, the third one 0 where it has none.
type versionNumbers [3]int

func (v versionNumbers) compare(other versionNumbers) int { return slices.Compare(v[:], other[:]) }

// versionForm is 1.31, v1.36.4 or 1.31.0-eed52ebb66ad, and nothing around it: "1.30.8, 1.31.0" are two versions.
var versionForm = regexp.MustCompile(`^v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-+][0-9A-Za-z.+-]+)?$`)

func parseVersion(text string) (v versionNumbers, ok bool) {
	m := versionForm.FindStringSubmatch(text)
	if m == nil {
		return v, false
	}
	for i := range v {
		var err error
		if v[i], err = strconv.Atoi(cmp.Or(m[i+1], "0")); err != nil {
			return v, false
		}
	}
	return v, true
}

// bounds checks what bounds say, and that something lies between those of a component.
func (v *validation) bounds(where string, bounds []Bound) {
	between := map[Component]Bound{} // by component, what all of its bounds come to
	for _, b := range bounds {
		v.bound(where, b)
		all := between[b.Component]
		if all.Since != "" && b.Since != "" || all.Until != "" && b.Until != "" {
			v.report("%s: %s is bound twice on one side", where, b.Component)
		}
		between[b.Component] = Bound{Since: cmp.Or(b.Since, all.Since), Until: cmp.Or(b.Until, all.Until)}
	}
	for component, b := range between {
		since, from := parseVersion(b.Since)
		until, to := parseVersion(b.Until)
		if from && to && since.compare(until) >= 0 {
			v.report("%s: nothing lies since %s %s and until %s", where, component, b.Since, b.Until)
		}
	}
}

// bound checks that it says of which component it is, from or up to which version, and why.
func (v *validation) bound(where string, b Bound) {
	if !slices.Contains([]Component{Istio, Envoy, Kubernetes}, b.Component) {
		v.report("%s: %q is no component that has a version", where, b.Component)
	}
	if b.Why == "" {
		v.report("%s: a bound needs the release note or the report that tells it", where)
	}
	if b.Since+b.Until == "" {
		v.report("%s: a bound is since or until a version", where)
	}
	for _, version := range []string{b.Since, b.Until} {
		if _, ok := parseVersion(version); version != "" && !ok {
			v.report("%s: the version %q of %s cannot be read", where, version, b.Component)
		}
	}
}
