package scenario

import (
	"slices"

	"github.com/onsi/gomega/matchers"
	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// A matcher tells what it is about by these methods, where it has them. What is asked of a promise is asked of the matchers inside Gomega's And,
// Or and Not as well.
type (
	// negative matchers can hold for a wrong reason: a refusal or an absence.
	negative interface{ Negative() bool }
	// refusing matchers say that the request was not answered as its sender wants.
	refusing interface{ Refuses() bool }
	// judging matchers name the peers whose logs and counters they judge.
	judging interface {
		Logs() []probe.Peer
		Counters() []probe.Peer
	}
	// listing matchers name the peers of whose log they list every line of the request.
	listing interface{ Lists() []probe.Peer }
)

// IsNegative tells whether a promise is a refusal or an absence, which can come true for a wrong reason and therefore needs a control run.
func IsNegative(m types.GomegaMatcher) bool {
	switch m := m.(type) {
	case *matchers.NotMatcher:
		return !IsNegative(m.Matcher)
	case *matchers.AndMatcher:
		return slices.ContainsFunc(m.Matchers, IsNegative)
	case *matchers.OrMatcher:
		return slices.ContainsFunc(m.Matchers, IsNegative)
	case negative:
		return m.Negative()
	}
	return false
}

// isRefusal tells whether a promise says that the request was refused; that something does not hold is taken for a refusal.
func isRefusal(m types.GomegaMatcher) bool {
	switch m := m.(type) {
	case *matchers.NotMatcher:
		return IsNegative(m)
	case *matchers.AndMatcher:
		return slices.ContainsFunc(m.Matchers, isRefusal)
	case *matchers.OrMatcher:
		return slices.ContainsFunc(m.Matchers, isRefusal)
	case refusing:
		return m.Refuses()
	}
	return false
}

// simple are the matchers inside Gomega's And, Or and Not.
func simple(m types.GomegaMatcher) []types.GomegaMatcher {
	var inside []types.GomegaMatcher
	switch m := m.(type) {
	case nil:
		return nil
	case *matchers.NotMatcher:
		inside = []types.GomegaMatcher{m.Matcher}
	case *matchers.AndMatcher:
		inside = m.Matchers
	case *matchers.OrMatcher:
		inside = m.Matchers
	default:
		return []types.GomegaMatcher{m}
	}
	var all []types.GomegaMatcher
	for _, matcher := range inside {
		all = append(all, simple(matcher)...)
	}
	return all
}

// judged are the peers whose logs and counters a step's promises judge, and those whose lines they list; a peer is named as often as it is judged.
type judged struct{ logs, counters, lists []probe.Peer }

func judgedBy(step Step) judged {
	var all judged
	for _, e := range step.Want {
		for _, m := range simple(e.Match) {
			if judges, ok := m.(judging); ok {
				all.logs = append(all.logs, judges.Logs()...)
				all.counters = append(all.counters, judges.Counters()...)
			}
			if lists, ok := m.(listing); ok {
				all.lists = append(all.lists, lists.Lists()...)
			}
		}
	}
	return all
}
