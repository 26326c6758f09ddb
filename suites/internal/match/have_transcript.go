package match

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HaveTranscript promises a line of curl -v as a page prints it, such as "Connected to en.wikipedia.org (10.96.0.7) port 443".
// Versions of curl word the same event differently; all are read as the pages' version would have written them.
func HaveTranscript(line string) types.GomegaMatcher {
	return promise{
		name: named("HaveTranscript", line), kind: aRequest,
		judge: func(e probe.Evidence) (finding, error) {
			text, err := expand(e, line)
			if err != nil {
				return finding{}, err
			}
			wanted := pageWords(text)
			found := finding{wanted: "the line \"" + wanted + "\" in curl's transcript"}
			nearest := ""
			for said := range strings.Lines(e.Stderr) {
				said = pageWords(said)
				found.holds = found.holds || containsWords(said, wanted)
				if sameStart(said, wanted) > sameStart(nearest, wanted) {
					nearest = said
				}
			}
			switch {
			case found.holds:
				found.got = "that line"
			case nearest == "":
				found.got = "no line like it (" + exitInWords(e.Exit) + ")"
			default:
				found.got = "\"" + nearest + "\""
			}
			return found, nil
		},
	}
}

// rewordings turn what newer versions of curl say into what the pages' version said.
var rewordings = []struct {
	newer   *regexp.Regexp
	earlier string
}{
	{regexp.MustCompile(`^Established connection to (\S+) \((\S+) port (\d+)\) from .*$`), "Connected to $1 ($2) port $3"},
	{regexp.MustCompile(`^(Connected to .*) \(#\d+\)$`), "$1"},
	{regexp.MustCompile(`^\[DNS\] added (\S+) to cache$`), "Added $1 to DNS cache"},
	{regexp.MustCompile(`^(C|c)losing connection #?\d*$`), "Closing connection"},
	{regexp.MustCompile(`^ALPN: (?:curl )?offers (\S+)$`), "ALPN: offers $1"},
}

// pageWords is a line of a transcript without curl's own marks, in the words of the pages' version.
func pageWords(line string) string {
	line = strings.TrimSpace(line)
	for _, mark := range []string{"* ", "> ", "< "} {
		line = strings.TrimPrefix(line, mark)
	}
	line = strings.Join(strings.Fields(line), " ")
	for _, r := range rewordings {
		line = r.newer.ReplaceAllString(line, r.earlier)
	}
	return line
}

// containsWords finds text in line where no word goes on: "port 443" is not in "port 4430".
func containsWords(line, text string) bool {
	for rest := line; text != ""; {
		i := strings.Index(rest, text)
		if i < 0 {
			return false
		}
		next, _ := utf8.DecodeRuneInString(rest[i+len(text):])
		if !unicode.IsLetter(next) && !unicode.IsDigit(next) {
			return true
		}
		rest = rest[i+len(text):]
	}
	return false
}

// sameStart is the length of the common beginning of two lines, if it is a word at least.
func sameStart(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if !strings.Contains(a[:n], " ") {
		return 0
	}
	return n
}
