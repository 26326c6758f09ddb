package match

import (
	"fmt"
	"strings"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// rowsOf are the rows that kubectl printed.
func rowsOf(e probe.Evidence) [][]string {
	if e.Table == nil {
		return nil
	}
	return e.Table.Rows
}

// rowNames are the first cells of the rows, the objects' names.
func rowNames(e probe.Evidence) string {
	var names []string
	for i := range rowsOf(e) {
		if name, ok := firstCell(e.Table.Rows[i]); ok {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

func firstCell(row []string) (string, bool) {
	if len(row) == 0 {
		return "", false
	}
	return row[0], true
}

// rowCount is the number of rows in words, with their names or the reason why there are none.
func rowCount(e probe.Evidence) string {
	rows := counted(len(rowsOf(e)), "row")
	switch {
	case len(rowsOf(e)) > 0:
		return fmt.Sprintf("%s (%s)", rows, rowNames(e))
	case e.Stderr != "":
		return rows + ": " + strings.TrimSpace(short(e.Stderr))
	default:
		return rows
	}
}

// notFound tells whether the API server said that the object is not there. Any other failure is no absence.
//
// Source: reason NotFound of https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
func notFound(e probe.Evidence) bool {
	return e.Exit != 0 && (strings.Contains(e.Stderr, "(NotFound)") || strings.Contains(e.Stderr, " not found"))
}

// answered tells whether the API server answered the question at all: with a table, be it empty, or with a clear no.
func answered(e probe.Evidence) bool {
	return notFound(e) || (e.Exit == 0 && (e.Table != nil || strings.Contains(e.Stderr, "No resources found")))
}
