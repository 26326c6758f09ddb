package match

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// Hop is one wanted answer in a chain of redirects. MovedTo, Status and StatusLine make one.
type Hop struct {
	says    string
	refuses bool
	holds   func(e probe.Evidence, got probe.Response) (bool, error)
}

// MovedTo is 301 Moved Permanently with this Location.
func MovedTo(url string) Hop {
	return Hop{
		says: fmt.Sprintf("301 location=%q", url),
		holds: func(e probe.Evidence, got probe.Response) (bool, error) {
			location, err := expand(e, url)
			return got.Code == http.StatusMovedPermanently && got.Header.Get("Location") == location, err
		},
	}
}

// Status is an answer with this code.
func Status(code int) Hop {
	return Hop{
		says: fmt.Sprint(code), refuses: isError(code),
		holds: func(_ probe.Evidence, got probe.Response) (bool, error) { return got.Code == code, nil },
	}
}

// StatusLine is an answer with this first line, as pages print it: "HTTP/1.1 301 Moved Permanently", "HTTP/2 200".
func StatusLine(line string) Hop {
	line = strings.TrimSpace(line)
	return Hop{
		says:  line,
		holds: func(_ probe.Evidence, got probe.Response) (bool, error) { return got.Line() == line, nil },
	}
}

// HaveHops promises the answers of a followed request, all of them and in this order.
func HaveHops(hops ...Hop) types.GomegaMatcher {
	wanted := make([]string, len(hops))
	for i, hop := range hops {
		wanted[i] = hop.says
	}
	chain := strings.Join(wanted, ", then ")
	refused := len(hops) > 0 && hops[len(hops)-1].refuses
	return promise{
		name: "HaveHops(" + chain + ")", kind: aRequest, negative: refused, refuses: refused,
		judge: func(e probe.Evidence) (finding, error) {
			if len(hops) == 0 {
				return finding{}, fmt.Errorf("it needs the answers, such as HaveHops(MovedTo(url), Status(200))")
			}
			holds := len(hops) == len(e.Hops)
			for i := 0; holds && i < len(hops); i++ {
				var err error
				if holds, err = hops[i].holds(e, e.Hops[i]); err != nil {
					return finding{}, err
				}
			}
			return finding{holds: holds, wanted: e.Expand(chain), got: chainOf(e)}, nil
		},
	}
}

// chainOf is what came back, in the form of the wanted chain.
func chainOf(e probe.Evidence) string {
	if len(e.Hops) == 0 {
		return noAnswer(e)
	}
	var got []string
	for _, hop := range e.Hops {
		answer := hop.Line()
		if location := hop.Header.Get("Location"); location != "" {
			answer += fmt.Sprintf(" location=%q", location)
		}
		got = append(got, answer)
	}
	if e.Exit != 0 {
		got = append(got, exitInWords(e.Exit))
	}
	return strings.Join(got, ", then ")
}
