package match

import (
	"testing"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

func TestHavePrintedJSON(t *testing.T) {
	on := probe.Evidence{Stdout: `[{"name": "http.8080", "virtualHosts": [{"name": "a:80"}, {"name": "b:80"}]}]`}
	check(t, map[string]judged{
		"a field":      {promise: HavePrintedJSON("{[0].name}", "http.8080"), on: on, holds: true},
		"of all":       {promise: HavePrintedJSON("{[*].virtualHosts[*].name}", "a:80 b:80"), on: on, holds: true},
		"another":      {promise: HavePrintedJSON("{[0].name}", "http.8443"), on: on, failure: `wanted printed JSON with {[0].name} "http.8443", got "http.8080"`},
		"no field":     {promise: HavePrintedJSON("{[0].domains}", "*"), on: on, failure: `wanted printed JSON with {[0].domains} "*", got nothing`},
		"no JSON":      {promise: HavePrintedJSON("{[0].name}", "a"), on: probe.Evidence{Stdout: "none"}, failure: `wanted printed JSON with {[0].name} "a", got no JSON but "none"`},
		"no path":      {promise: HavePrintedJSON("", "a"), on: on, misuse: `the path "" is empty; write it like {.spec.clusterIP}`},
		"nothing said": {promise: HavePrintedJSON("{[0].name}", nil), on: on, misuse: "it needs a wanted value: a text, a number, Dash, Matching(…) or a Gomega matcher"},
	})
}
