package probe

import (
	"crypto/rand"
	"regexp"
	"strings"
)

// MarkerKey is the name of the query value that ties log lines to a request.
const MarkerKey = "meshproof"

// NewMarker is a word that no other request carries: 13 letters and digits, 65 bits of chance.
func NewMarker() string { return strings.ToLower(rand.Text()[:13]) }

// markerValue finds the marker in query strings, also where somebody wrote the URL into HTML (&amp;), into JSON (\u0026) or into the
// query of another URL (%3F, %26, %3D). The separator after it is kept out of the match, so that the query before and after joins up.
var markerValue = regexp.MustCompile(`(\?|%3[Ff]|&amp;|\\u0026|&|%26)` + MarkerKey + `(?:=|%3[Dd])([0-9a-z]+)(&amp;|\\u0026|&|%26)?`)

// MarkerIn is the first marker that text carries, empty when it carries none.
func MarkerIn(text string) string {
	if found := markerValue.FindStringSubmatch(text); found != nil {
		return found[2]
	}
	return ""
}

// StripMarker is text as it would read if the harness had not marked the request.
func StripMarker(text string) string {
	if !strings.Contains(text, MarkerKey) {
		return text // most texts, and bodies may be large
	}
	return markerValue.ReplaceAllStringFunc(text, func(found string) string {
		parts := markerValue.FindStringSubmatch(found)
		if before, after := parts[1], parts[3]; after != "" {
			return before
		}
		return ""
	})
}

// mark adds the marker to the query of an http or https URL; a URL of another scheme has no query and stays as it is.
func mark(url, marker string) string {
	scheme, rest, absolute := strings.Cut(url, "://")
	if !absolute {
		scheme, rest = "http", url // curl's own guess
	}
	if marker == "" || (scheme != "http" && scheme != "https") {
		return url
	}
	rest, fragment, hasFragment := strings.Cut(rest, "#")
	switch {
	case strings.Contains(rest, "?"):
		rest += "&"
	case strings.Contains(rest, "/"):
		rest += "?"
	default:
		rest += "/?"
	}
	rest += MarkerKey + "=" + marker
	if hasFragment {
		rest += "#" + fragment
	}
	if absolute {
		rest = scheme + "://" + rest
	}
	return rest
}
