// Package catalogue lists every documented scenario, replayed yet or not: the yardstick for the pages' completeness. Those beyond the documents are
// listed apart.
//
// S1 is seed 001_16dac6e7715b5f68.txt (Kubernetes services for egress traffic), S2 is 002_8b69ceefb7187955.txt (the egress chapter),
// S3 is 003_dcf7b3331ac19992.txt (ingress gateways), S4 is 004_5a005b2e8053680e.txt (the Envoy configuration behind them).
package catalogue

import (
	_ "embed"
	"strings"
)

//go:embed catalogue.tsv
var table string

//go:embed beyond.tsv
var beyond string

// Entry is one scenario.
type Entry struct {
	ID    string // "egress/kubernetes-services/external-name"
	Title string
	Lines string // seed and lines, "S1 41-62; S2 895-908"; beyond the documents the reports, "istio#53667, istio#56826"
}

// All lists the documented scenarios in the documents' order.
func All() []Entry { return entriesOf(table) }

// Beyond lists the scenarios beyond the documents: no document tells them, people reported what goes wrong.
func Beyond() []Entry { return entriesOf(beyond) }

func entriesOf(table string) []Entry {
	rows := strings.Split(strings.TrimSpace(table), "\n")
	entries := make([]Entry, 0, len(rows))
	for _, row := range rows {
		fields := strings.SplitN(row, "\t", 3)
		entries = append(entries, Entry{ID: fields[0], Title: fields[1], Lines: fields[2]})
	}
	return entries
}

// Under lists the ids of entries that begin with prefix, such as "egress/kubernetes-services/".
func Under(entries []Entry, prefix string) []string {
	var ids []string
	for _, e := range entries {
		if strings.HasPrefix(e.ID, prefix) {
			ids = append(ids, e.ID)
		}
	}
	return ids
}
