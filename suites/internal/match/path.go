package match

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// pathPart is one part of a path into an object: .name, .na\.me, ['name'], [0], [*] or [?(@.name == "tcp")].
var pathPart = regexp.MustCompile(`^(?:\.((?:[^.\[\]\\{}]|\\.)+)|\['([^']*)'\]|\["([^"]*)"\]|\[(\d+|\*)\]` +
	`|\[\?\(@\.(\w+) *== *(?:"([^"]*)"|'([^']*)')\)\])`)

// step is one part of a path that was read: a key, an index, all elements, or those whose key has a value.
type step struct {
	key, value string
	index      int
	kind       stepKind
}

type stepKind int

const (
	byKey stepKind = iota
	byIndex
	everyElement
	byValue
)

// readPath reads the part of kubectl's JSONPath that the pages use: names, indices, [*] and [?(@.name == "tcp")], with or without braces.
//
// Source: https://kubernetes.io/docs/reference/kubectl/jsonpath/
func readPath(path string) ([]step, error) {
	rest := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(path), "{"), "}")
	rest = strings.TrimPrefix(rest, "$")
	if rest != "" && rest[0] != '.' && rest[0] != '[' {
		rest = "." + rest
	}
	var steps []step
	for rest != "" {
		part := pathPart.FindStringSubmatch(rest)
		if part == nil {
			return nil, fmt.Errorf("the path %q cannot be read from %q on; write it like {.spec.ports[0].port} or {.items[*].metadata.name}", path, rest)
		}
		steps = append(steps, readStep(part))
		rest = rest[len(part[0]):]
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("the path %q is empty; write it like {.spec.clusterIP}", path)
	}
	return steps, nil
}

var escaped = regexp.MustCompile(`\\(.)`)

func readStep(part []string) step {
	switch {
	case part[4] == "*":
		return step{kind: everyElement}
	case part[4] != "":
		index, err := strconv.Atoi(part[4])
		if err != nil {
			index = -1 // too large for any list
		}
		return step{kind: byIndex, index: index}
	case part[5] != "":
		return step{kind: byValue, key: part[5], value: part[6] + part[7]}
	default:
		return step{key: escaped.ReplaceAllString(part[1], "$1") + part[2] + part[3]}
	}
}

// follow finds the values at the end of a path; none where the object has no such field.
func follow(from any, steps []step) []any {
	found := []any{from}
	for _, s := range steps {
		var next []any
		for _, value := range found {
			next = append(next, s.take(value)...)
		}
		found = next
	}
	return found
}

func (s step) take(value any) []any {
	switch value := value.(type) {
	case map[string]any:
		if field, ok := value[s.key]; ok && s.kind == byKey {
			return []any{field}
		}
	case []any:
		return s.takeFrom(value)
	}
	return nil
}

func (s step) takeFrom(list []any) []any {
	switch s.kind {
	case everyElement:
		return list
	case byIndex:
		if s.index >= 0 && s.index < len(list) {
			return list[s.index : s.index+1]
		}
	case byValue:
		return slices.DeleteFunc(slices.Clone(list), func(element any) bool {
			fields, ok := element.(map[string]any)
			return !ok || fields[s.key] == nil || fmt.Sprint(fields[s.key]) != s.value
		})
	case byKey:
	}
	return nil
}

// printed are values as kubectl -o jsonpath prints them: side by side, lists and objects as JSON.
func printed(values []any) string {
	words := make([]string, len(values))
	for i, value := range values {
		words[i] = fmt.Sprint(value)
		switch value.(type) {
		case nil:
			words[i] = ""
		case map[string]any, []any:
			if text, err := json.Marshal(value); err == nil {
				words[i] = string(text)
			}
		}
	}
	return strings.Join(words, " ")
}
