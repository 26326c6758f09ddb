package match

import (
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

var titleElement = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title\s*>`)

// HaveTitle promises the title of the page that came back, as a reader sees it: entities resolved, white space folded.
func HaveTitle(title string) types.GomegaMatcher {
	return promise{
		name: named("HaveTitle", title), kind: aRequest,
		judge: func(e probe.Evidence) (finding, error) {
			wanted, err := expand(e, title)
			found := finding{wanted: "the title " + strconv.Quote(wanted)}
			if e.Last() == nil {
				found.got = noAnswer(e)
				return found, err
			}
			got, ok := titleOf(e.Stdout)
			if !ok {
				found.got = fmt.Sprintf("%s with a body without a title: %s", lastAnswer(e), shown(e.Stdout))
				return found, err
			}
			found.holds, found.got = got == wanted, strconv.Quote(got)
			return found, err
		},
	}
}

func titleOf(page string) (string, bool) {
	element := titleElement.FindStringSubmatch(page)
	if element == nil {
		return "", false
	}
	return strings.Join(strings.Fields(html.UnescapeString(element[1])), " "), true
}
