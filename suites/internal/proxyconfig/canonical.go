package proxyconfig

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// unordered are the repeated fields whose order Envoy does not act on: it picks
// the most specific virtual host, domain or filter chain and any endpoint.
// Routes, filters and ALPN protocols are not among them: their order counts.
var unordered = map[string]bool{
	"virtual_hosts": true, "domains": true,
	"filter_chains": true, "server_names": true, "application_protocols": true,
	"prefix_ranges": true, "source_prefix_ranges": true, "direct_source_prefix_ranges": true, "source_ports": true,
	"match_subject_alt_names": true, "match_typed_subject_alt_names": true,
	"endpoints": true, "lb_endpoints": true, "additional_addresses": true,
}

// canonical prints a resource so that equal meaning gives equal text: keys
// sorted, unordered lists sorted, one value to a line.
func canonical(raw json.RawMessage) string {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return string(raw) // empty: the fields were masked out
	}
	return printJSON(order(tree, ""))
}

func order(node any, field string) any {
	switch v := node.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = order(value, key)
		}
	case []any:
		for i := range v {
			v[i] = order(v[i], "")
		}
		if unordered[field] {
			sortByText(v)
		}
	}
	return node
}

func sortByText(list []any) {
	texts := make(map[int]string, len(list))
	indexes := make([]int, len(list))
	for i, element := range list {
		indexes[i], texts[i] = i, printJSON(element)
	}
	slices.SortStableFunc(indexes, func(a, b int) int { return strings.Compare(texts[a], texts[b]) })
	sorted := make([]any, len(list))
	for to, from := range indexes {
		sorted[to] = list[from]
	}
	copy(list, sorted)
}

// printJSON cannot fail: the tree came out of a JSON decoder.
func printJSON(tree any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(tree); err != nil {
		panic("proxyconfig: a decoded JSON tree does not encode: " + err.Error())
	}
	return text.String()
}
