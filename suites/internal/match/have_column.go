package match

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HaveColumn promises a cell of `kubectl get`: the text under a column, as written, in the one row there is.
func HaveColumn(column string, want any) types.GomegaMatcher {
	return promise{
		name: named("HaveColumn", column, want), kind: objects,
		judge: func(e probe.Evidence) (finding, error) {
			cell, ok := e.Table.Cell(0, column)
			holds, says, err := compare(e, want, cell)
			found := finding{wanted: fmt.Sprintf("one row with %s %s", column, says), got: rowCount(e)}
			switch {
			case err != nil || len(rowsOf(e)) != 1:
			case !ok:
				found.got = fmt.Sprintf("no such column, but %s", strings.Join(e.Table.Columns, ", "))
			default:
				found.holds, found.got = holds, shown(cell)
			}
			return found, err
		},
	}
}
