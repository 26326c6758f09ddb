package reports

import (
	"fmt"
	"strings"
	"unicode"
)

// counted is "1 promise", "2 promises", "2 capabilities".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// oneLine folds white space, so that a text fits a line of a terminal or a cell of a table.
func oneLine(text string) string { return strings.Join(strings.Fields(printable(text)), " ") }

// printable replaces what neither XML nor a terminal should get from a command's output: control characters and broken UTF-8.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n', c == '\t':
			return c
		case c == '\r':
			return -1
		case unicode.IsControl(c), c == 0xFFFE, c == 0xFFFF:
			return unicode.ReplacementChar
		}
		return c
	}, strings.ToValidUTF8(text, string(unicode.ReplacementChar)))
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// promisedBy says who made a promise, by its origin.
func promisedBy(origin string) string {
	switch origin {
	case "documented":
		return "the page promises"
	case "upstream":
		return "the page it came from promises"
	case "derived":
		return "it follows from the page"
	}
	return "promised"
}

// upstreamURL is where istio.io has the document. The path is relative to the documentation; a blog post names itself as such.
func upstreamURL(path string) string {
	path = strings.Trim(path, "/")
	switch {
	case path == "":
		return ""
	case strings.HasPrefix(path, "https://"), strings.HasPrefix(path, "http://"):
		return path
	case strings.HasPrefix(path, "blog/"), strings.HasPrefix(path, "docs/"):
		return "https://istio.io/latest/" + path + "/"
	}
	return "https://istio.io/latest/docs/" + path + "/"
}
