package trace

import (
	"slices"

	"github.com/meshproof/meshproof/suites/internal/catalogue"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Holds are the passages that the promises of each step hold, "S2 159-161" with their first words; none for a guard or a control.
func Holds(passages []catalogue.Passage, s scenario.Scenario) [][]string {
	held := make([][]string, len(s.Steps))
	for i, step := range s.Steps {
		if len(step.Want) == 0 {
			continue
		}
		keys := []string{Key(step)}
		for _, want := range step.Want {
			keys = append(keys, PromiseKey(step, want))
		}
		for _, p := range passages {
			if p.Mark != catalogue.Continued && isHeldByAny(p, s.ID, keys) {
				held[i] = append(held[i], p.Document+" "+p.Lines.String()+" "+p.Words)
			}
		}
	}
	return held
}

// isHeldByAny tells whether the index names one of these promises of a scenario for the passage.
func isHeldByAny(p catalogue.Passage, id string, keys []string) bool {
	return slices.ContainsFunc(p.Held, func(h catalogue.Hold) bool {
		return h.Scenario == id && slices.ContainsFunc(keys, func(key string) bool { return slices.Contains(h.Keys, key) })
	})
}
