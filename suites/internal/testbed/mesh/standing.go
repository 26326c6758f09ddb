package mesh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// standing is what was set up for a group of scenarios, and how to take it back.
type standing struct {
	name    string // empty: nothing stands
	undo    []scenario.Undo
	made    map[key]bool
	changed map[key]bool // with what was made
	// The state before it was set up, and after; the latter is known when a scenario has begun.
	before, after *snapshot
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

// stand makes what is to stand, unless it stands already, and remembers what it was like before.
func (m *Mesh) stand(ctx context.Context, wanted *scenario.StandingNeed) error {
	if wanted == nil || m.standing.name != "" {
		return nil
	}
	if err := m.Settle(ctx); err != nil {
		return fmt.Errorf("what comes before %s does not settle: %w", wanted.Name, err)
	}
	before, err := m.snapshot(ctx)
	if err != nil {
		return fmt.Errorf("the state before %s: %w", wanted.Name, err)
	}
	if err := m.setUp(ctx, wanted); err != nil {
		return err
	}
	m.standing.before = before
	return nil
}

// setUp makes what is to stand. It belongs to no scenario: one that replaces a part of it has that part restored.
func (m *Mesh) setUp(ctx context.Context, wanted *scenario.StandingNeed) error {
	m.standing.name = wanted.Name
	m.noteFromHere()
	defer m.handOver()
	for _, change := range wanted.Changes {
		undo, err := m.Change(ctx, wanted.Files, change, nil)
		if undo != nil {
			m.standing.undo = append(m.standing.undo, undo)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("set up %s: %w", wanted.Name, err), m.takeDown(ctx, nil))
		}
	}
	return nil
}

// Leave has what the scenario has set up since it began stand for those to come, and returns the state with it.
func (m *Mesh) Leave(ctx context.Context, name string, undo []scenario.Undo) (scenario.Baseline, error) {
	if err := m.Settle(ctx); err != nil {
		return nil, err
	}
	after, err := m.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	m.standing = standing{name: name, undo: undo, before: m.began, after: after}
	m.handOver()
	return after, nil
}

// noteFromHere forgets what was changed before: that does not belong to what is to stand.
func (m *Mesh) noteFromHere() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changed = map[key]bool{}
}

// handOver takes down what was changed, and made, for what stands. It belongs to no scenario then.
func (m *Mesh) handOver() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.standing.changed, m.changed = m.changed, map[key]bool{}
	m.standing.made = maps.Clone(m.ofScenario)
	clear(m.ofScenario)
}

// rememberSetUp takes down the state with what stands, when it is there.
func (m *Mesh) rememberSetUp(ctx context.Context) (err error) {
	if m.standing.name == "" || m.standing.after != nil {
		return nil
	}
	m.standing.after, err = m.snapshot(ctx)
	return err
}

// ends tells that what stands is needed by no scenario after the one under way.
func (m *Mesh) ends() bool {
	return m.standing.name != "" && m.coming != nil && !scenario.StandingNeed{Name: m.standing.name}.IsAmong(m.coming.After)
}

// TakeDown takes back what stands, unless a scenario to come needs it.
func (m *Mesh) TakeDown(ctx context.Context) error {
	if !m.ends() {
		return nil
	}
	return m.takeDown(ctx, nil)
}

// isTakenDown tells of an object that TakeDown will bring to what it was before anything stood, so that to bring it back to what it was meanwhile
// would be in vain.
func (m *Mesh) isTakenDown(k key, exists bool) bool {
	if !m.ends() {
		return false
	}
	return m.standing.made[k] || (exists && m.standing.changed[k])
}

// withoutStanding is a state as it will be when what stands is taken back: what was made for it is gone; where a thing is
// still as it was when that had been set up, it will be as before; where it was changed since, by what scenarios need, it stays.
func (m *Mesh) withoutStanding(now *snapshot) *snapshot {
	before, after := m.standing.before, m.standing.after
	return &snapshot{
		mesh: m, generation: now.generation,
		objects: rebase(before.objects, after.objects, now.objects, sameObject),
		proxies: rebaseProxies(before.proxies, after.proxies, now.proxies),
	}
}

// rebase is now without what made after out of before.
func rebase[K comparable, V any](before, after, now map[K]V, same func(a, b V) bool) map[K]V {
	rebased := map[K]V{}
	maps.Copy(rebased, now)
	for k, was := range after {
		former, had := before[k]
		is, there := now[k]
		switch {
		case !had:
			delete(rebased, k)
		case there && same(was, is):
			rebased[k] = former
		}
	}
	for k, former := range before {
		_, after := after[k]
		_, is := now[k]
		if !after && !is {
			rebased[k] = former
		}
	}
	return rebased
}

func sameObject(a, b *unstructured.Unstructured) bool {
	return a.GetResourceVersion() == b.GetResourceVersion() || difference(authored(a), authored(b)) == ""
}

// rebaseProxies looks into the proxies whose configuration was changed by both.
func rebaseProxies(before, after, now map[probe.Peer]*held) map[probe.Peer]*held {
	rebased := rebase(before, after, now, func(a, b *held) bool { return bytes.Equal(a.raw, b.raw) })
	for peer, is := range now {
		former, had := before[peer]
		was, there := after[peer]
		if !had || !there || rebased[peer] != is || bytes.Equal(former.raw, was.raw) {
			continue
		}
		rebased[peer] = &held{inventory: func() (proxyconfig.Inventory, error) { return rebaseInventory(former, was, is) }}
	}
	return rebased
}

func rebaseInventory(before, after, now *held) (proxyconfig.Inventory, error) {
	var all [3]proxyconfig.Inventory
	for i, h := range []*held{before, after, now} {
		inventory, err := h.inventory()
		if err != nil {
			return nil, err
		}
		all[i] = inventory
	}
	return rebase(all[0], all[1], all[2], func(a, b string) bool { return a == b }), nil
}
