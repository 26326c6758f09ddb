package match

import (
	"slices"

	"github.com/onsi/gomega/matchers"
	"github.com/onsi/gomega/types"
)

// IsNegative tells whether a promise is a refusal or an absence, which can come true for a wrong reason and therefore needs a control
// run. It looks into Gomega's And, Or and Not.
func IsNegative(m types.GomegaMatcher) bool {
	switch m := m.(type) {
	case interface{ Negative() bool }:
		return m.Negative()
	case *matchers.NotMatcher:
		return !IsNegative(m.Matcher)
	case *matchers.AndMatcher:
		return anyNegative(m.Matchers)
	case *matchers.OrMatcher:
		return anyNegative(m.Matchers)
	default:
		return false
	}
}

func anyNegative(all []types.GomegaMatcher) bool { return slices.ContainsFunc(all, IsNegative) }
