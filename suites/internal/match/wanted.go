package match

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// Pattern is a wanted value that is not known to the letter. Matching makes one.
type Pattern struct{ expression string }

// Matching wants a text that a regular expression finds. The page's shell variables in it stand for their values, literally:
//
//	Matching(`^sidecar~${POD_IP}~`)
func Matching(expression string) Pattern { return Pattern{expression} }

type dash struct{}

// Dash wants a field of a log line that is empty, which logs print as "-".
var Dash any = dash{}

// unexpanded finds a shell variable that nobody exported.
var unexpanded = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// expand replaces the page's shell variables in text; one that the attempt does not know is wrong use.
func expand(e probe.Evidence, text string) (string, error) {
	expanded := e.Expand(text)
	if missing := unexpanded.FindString(expanded); missing != "" {
		return "", fmt.Errorf("nothing exported %s before this step; known are %q", missing, sortedKeys(e.Vars))
	}
	return expanded, nil
}

func expandAll(e probe.Evidence, texts []string) ([]string, error) {
	expanded := make([]string, len(texts))
	for i, text := range texts {
		var err error
		if expanded[i], err = expand(e, text); err != nil {
			return nil, err
		}
	}
	return expanded, nil
}

// compare tells whether got is what is wanted, and says in words what is.
func compare(e probe.Evidence, want, got any) (bool, string, error) {
	switch want := want.(type) {
	case string:
		text, err := expand(e, want)
		return text == fmt.Sprint(got), strconv.Quote(text), err
	case dash:
		return fmt.Sprint(got) == "", "nothing", nil
	case Pattern:
		return compareByPattern(e, want, fmt.Sprint(got))
	case types.GomegaMatcher:
		ok, err := want.Match(got)
		return ok, inWords(want), err
	case int, int64, bool, fmt.Stringer:
		return fmt.Sprint(want) == fmt.Sprint(got), fmt.Sprint(want), nil
	case nil:
		return false, "", errors.New("it needs a wanted value: a text, a number, Dash, Matching(…) or a Gomega matcher")
	default:
		return false, "", fmt.Errorf("%#v cannot be wanted: give a text, a number, Dash, Matching(…) or a Gomega matcher", want)
	}
}

func compareByPattern(e probe.Evidence, want Pattern, got string) (bool, string, error) {
	literal := make(map[string]string, len(e.Vars))
	for name, value := range e.Vars {
		literal[name] = regexp.QuoteMeta(value)
	}
	text, err := expand(probe.Evidence{Vars: literal}, want.expression)
	if err != nil {
		return false, "", err
	}
	expression, err := regexp.Compile(text)
	if err != nil {
		return false, "", fmt.Errorf("the regular expression cannot be read: %w", err)
	}
	return expression.MatchString(got), "matching " + strconv.Quote(text), nil
}

// shown is a value behind the word got.
func shown(got any) string {
	text, ok := got.(string)
	switch {
	case !ok:
		return fmt.Sprint(got)
	case text == "":
		return "nothing"
	default:
		return strconv.Quote(short(text))
	}
}

const shortText = 200

// short is the beginning of a text for a message of one paragraph.
func short(text string) string {
	runes := []rune(text)
	if len(runes) <= shortText {
		return text
	}
	return string(runes[:shortText]) + "…"
}

func sortedKeys[V any](from map[string]V) []string { return slices.Sorted(maps.Keys(from)) }
