package match

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// BeReady promises the column READY of `kubectl get` in every row, "1/1" for a pod of one container; there is one row at least.
func BeReady(ready string) types.GomegaMatcher {
	return promise{
		name: named("BeReady", ready), kind: objects,
		judge: func(e probe.Evidence) (finding, error) {
			found := finding{holds: len(rowsOf(e)) > 0, wanted: fmt.Sprintf("READY %s in every row", ready), got: rowCount(e)}
			var got []string
			for i, row := range rowsOf(e) {
				cell, ok := e.Table.Cell(i, "READY")
				if !ok {
					return finding{wanted: found.wanted, got: "no such column, but " + strings.Join(e.Table.Columns, ", ")}, nil
				}
				found.holds = found.holds && cell == ready
				name, _ := firstCell(row)
				got = append(got, fmt.Sprintf("%s %s", name, cell))
			}
			if len(got) > 0 {
				found.got = strings.Join(got, ", ")
			}
			return found, nil
		},
	}
}
