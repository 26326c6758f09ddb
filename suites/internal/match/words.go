package match

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/matchers"
	"github.com/onsi/gomega/types"
)

// inWords describes what a Gomega matcher wants, so that it fits behind "wanted". Their own messages need a value to fail on.
func inWords(m types.GomegaMatcher) string {
	switch m := m.(type) {
	case fmt.Stringer:
		return m.String()
	case *matchers.EqualMatcher:
		return fmt.Sprintf("%#v", m.Expected)
	case *matchers.BeEmptyMatcher:
		return "empty"
	case *matchers.ContainSubstringMatcher:
		return fmt.Sprintf("containing %q", fmt.Sprintf(m.Substr, m.Args...))
	case *matchers.HavePrefixMatcher:
		return fmt.Sprintf("beginning with %q", fmt.Sprintf(m.Prefix, m.Args...))
	case *matchers.HaveSuffixMatcher:
		return fmt.Sprintf("ending with %q", fmt.Sprintf(m.Suffix, m.Args...))
	case *matchers.MatchRegexpMatcher:
		return fmt.Sprintf("matching %q", fmt.Sprintf(m.Regexp, m.Args...))
	case *matchers.MatchJSONMatcher:
		return fmt.Sprintf("the JSON %s", m.JSONToMatch)
	case *matchers.BeNumericallyMatcher:
		return strings.TrimRight(fmt.Sprintln(append([]any{m.Comparator}, m.CompareTo...)...), "\n")
	case *matchers.NotMatcher:
		return "not " + inWords(m.Matcher)
	case *matchers.AndMatcher:
		return joined(m.Matchers, " and ")
	case *matchers.OrMatcher:
		return joined(m.Matchers, " or ")
	default:
		name := fmt.Sprintf("%T", m)
		return "a value for " + strings.TrimSuffix(name[strings.LastIndex(name, ".")+1:], "Matcher")
	}
}

func joined(all []types.GomegaMatcher, by string) string {
	words := make([]string, len(all))
	for i, m := range all {
		words[i] = inWords(m)
	}
	return strings.Join(words, by)
}

// arguments are the arguments of a constructor as a page writes them, for the promise's name.
func arguments(all ...any) string {
	words := make([]string, len(all))
	for i, argument := range all {
		switch argument := argument.(type) {
		case string:
			words[i] = fmt.Sprintf("%q", argument)
		case types.GomegaMatcher:
			words[i] = inWords(argument)
		case Pattern:
			words[i] = fmt.Sprintf("Matching(%q)", argument.expression)
		case dash:
			words[i] = "Dash"
		default:
			words[i] = fmt.Sprint(argument)
		}
	}
	return strings.Join(words, ", ")
}

func named(constructor string, all ...any) string { return constructor + "(" + arguments(all...) + ")" }
