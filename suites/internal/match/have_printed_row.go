package match

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HavePrintedRow promises one row of the table that a command printed, such as `istioctl proxy-config listener`: it begins with these cells,
// however far apart they stand, and no other does. A cell is a text, or something with a String method that is called when the promise is judged.
func HavePrintedRow(cells ...any) types.GomegaMatcher {
	return printedRow("HavePrintedRow", cells, true)
}

// HaveNoPrintedRow promises that a command printed a table, and no row in it that begins with these cells.
func HaveNoPrintedRow(cells ...any) types.GomegaMatcher {
	return printedRow("HaveNoPrintedRow", cells, false)
}

//nolint:revive // the two promises above are its only callers
func printedRow(constructor string, cells []any, there bool) types.GomegaMatcher {
	return promise{
		name: constructor + "(…)", negative: !there, // a cell may not be known yet
		judge: func(e probe.Evidence) (finding, error) {
			row, err := expand(e, folded(fmt.Sprintln(cells...)))
			if err != nil {
				return finding{}, err
			}
			if row == "" {
				return finding{}, fmt.Errorf("it needs the cells of a row, such as %s(%q, 8080)", constructor, "0.0.0.0")
			}
			found := finding{wanted: fmt.Sprintf("the row %q", row), got: printedLines(e)}
			if !there {
				found.wanted = fmt.Sprintf("a table without the row %q", row)
			}
			rows := countRows(e.Stdout, row)
			if there {
				found.holds = rows == 1
			} else {
				found.holds = rows == 0 && e.Exit == 0 && strings.TrimSpace(e.Stdout) != ""
			}
			return found, nil
		},
	}
}

func countRows(text, row string) int {
	rows := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(folded(line)+" ", row+" ") {
			rows++
		}
	}
	return rows
}

// folded is a line with single blanks between its words.
func folded(line string) string { return strings.Join(strings.Fields(line), " ") }

func printedLines(e probe.Evidence) string {
	if e.Exit != 0 {
		return fmt.Sprintf("%s: %s", exitPlainly(e.Exit), shown(e.Stdout+e.Stderr))
	}
	if strings.TrimSpace(e.Stdout) == "" {
		return "no output"
	}
	var lines []string
	for line := range strings.Lines(e.Stdout) {
		lines = append(lines, "  "+folded(line))
	}
	return "\n" + strings.Join(lines, "\n")
}
