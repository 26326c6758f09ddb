package match

import (
	"math/big"
	"testing"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

func TestHavePrintedRow(t *testing.T) {
	table := probe.Evidence{
		Stdout: "ADDRESSES PORT  MATCH DESTINATION\n0.0.0.0   8080  ALL   Route: http.8080\n0.0.0.0   15021 ALL   Inline Route: /healthz/ready*\n",
		Vars:   map[string]string{"ADDRESS": "0.0.0.0"},
	}
	failed := probe.Evidence{Exit: 1, Stderr: "Error: no such pod\n"}
	const rows = "\n  ADDRESSES PORT MATCH DESTINATION\n  0.0.0.0 8080 ALL Route: http.8080\n  0.0.0.0 15021 ALL Inline Route: /healthz/ready*"
	check(t, map[string]judged{
		"whole":              {promise: HavePrintedRow("0.0.0.0", 8080, "ALL", "Route: http.8080"), on: table, holds: true},
		"its beginning":      {promise: HavePrintedRow("${ADDRESS}", big.NewInt(8080)), on: table, holds: true},
		"two of them":        {promise: HavePrintedRow("0.0.0.0"), on: table, failure: `wanted the row "0.0.0.0", got ` + rows},
		"half a cell":        {promise: HavePrintedRow("0.0.0.0", 80), on: table, failure: `wanted the row "0.0.0.0 80", got ` + rows},
		"not there":          {promise: HavePrintedRow("0.0.0.0", 8443), on: table, failure: `wanted the row "0.0.0.0 8443", got ` + rows},
		"nothing printed":    {promise: HavePrintedRow("0.0.0.0", 8443), on: probe.Evidence{}, failure: `wanted the row "0.0.0.0 8443", got no output`},
		"failed":             {promise: HavePrintedRow("0.0.0.0", 8443), on: failed, failure: `wanted the row "0.0.0.0 8443", got exit 1: "Error: no such pod\n"`},
		"no cells":           {promise: HavePrintedRow(), on: table, misuse: "it needs the cells of a row"},
		"no such row":        {promise: HaveNoPrintedRow("0.0.0.0", 8443), on: table, holds: true},
		"such a row":         {promise: HaveNoPrintedRow("0.0.0.0", 8080), on: table, failure: `wanted a table without the row "0.0.0.0 8080", got ` + rows},
		"no row of no table": {promise: HaveNoPrintedRow("0.0.0.0", 8080), on: failed, failure: `wanted a table without the row "0.0.0.0 8080", got exit 1: "Error: no such pod\n"`},
	})
}
