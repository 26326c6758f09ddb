package reports

import (
	"maps"
	"slices"
	"strings"
)

// fact is something that is true of the testbed, with a name.
type fact struct{ Name, Value string }

// versions are the facts that come first in every form of the report. What is not known (the testbed never came up) is left out.
func (t Testbed) versions() []fact {
	var out []fact
	for _, f := range []fact{
		{"Istio", t.Istio},
		{"Compatibility version", t.Compatibility},
		{"Envoy", t.Envoy},
		{"Kubernetes", t.Kubernetes},
		{"Provider", t.Provider},
		{"Engine", t.Engine},
		{"Images from", t.ImageSource},
		{"Candidate", strings.Join(t.Candidates, "; ")},
	} {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

// facts are versions, capabilities and images.
func (t Testbed) facts() []fact {
	out := t.versions()
	for _, name := range slices.Sorted(maps.Keys(t.Capabilities)) {
		value := "missing"
		if t.Capabilities[name] {
			value = "present"
		}
		out = append(out, fact{"capability " + name, value})
	}
	for _, ref := range slices.Sorted(maps.Keys(t.Images)) {
		out = append(out, fact{"image " + ref, t.Images[ref]})
	}
	return out
}

// in is the value that facts hold under the same name, empty when they hold none.
func (f fact) in(facts []fact) string {
	i := slices.IndexFunc(facts, func(other fact) bool { return other.Name == f.Name })
	if i < 0 {
		return ""
	}
	return facts[i].Value
}
