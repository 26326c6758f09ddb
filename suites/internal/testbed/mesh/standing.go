package mesh

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// standing is what was set up for a group of scenarios, and how to take it back.
type standing struct {
	name string // empty: nothing stands
	undo []scenario.Undo
}

// standingIn is what a scenario needs to stand; nil where it needs nothing.
func standingIn(needs []scenario.Need) *scenario.StandingNeed {
	for _, need := range needs {
		if wanted, ok := need.(scenario.StandingNeed); ok {
			return &wanted
		}
	}
	return nil
}

// takeDown takes back what stands, unless it is wanted.
func (m *Mesh) takeDown(ctx context.Context, wanted *scenario.StandingNeed) error {
	if m.standing.name == "" || (wanted != nil && wanted.Name == m.standing.name) {
		return nil
	}
	former := m.standing
	m.standing = standing{}
	var errs []error
	for _, undo := range slices.Backward(former.undo) {
		errs = append(errs, undo(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("take down %s: %w", former.name, err)
	}
	return nil
}

// setUp makes what is to stand. It belongs to no scenario: one that replaces a part of it has that part restored.
func (m *Mesh) setUp(ctx context.Context, wanted *scenario.StandingNeed) error {
	if wanted == nil || m.standing.name != "" {
		return nil
	}
	m.standing.name = wanted.Name
	for _, change := range wanted.Changes {
		undo, err := m.Change(ctx, wanted.Files, change, nil)
		if undo != nil {
			m.standing.undo = append(m.standing.undo, undo)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("set up %s: %w", wanted.Name, err), m.takeDown(ctx, nil))
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.ofScenario)
	return nil
}
