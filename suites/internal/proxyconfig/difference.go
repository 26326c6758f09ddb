package proxyconfig

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// Difference is what lies between two inventories.
type Difference struct {
	Added, Removed []Key
	Changed        []Change
}

// Change is a resource that is there before and after with another content.
type Change struct {
	Key
	// Before and After are canonical JSON.
	Before, After string
}

// Diff compares two inventories: of one proxy at two times, or of two proxies.
func Diff(before, after Inventory) Difference {
	var d Difference
	for _, key := range after.Keys() {
		if old, there := before[key]; !there {
			d.Added = append(d.Added, key)
		} else if old != after[key] {
			d.Changed = append(d.Changed, Change{Key: key, Before: old, After: after[key]})
		}
	}
	for _, key := range before.Keys() {
		if _, there := after[key]; !there {
			d.Removed = append(d.Removed, key)
		}
	}
	return d
}

// Empty tells that both sides hold the same.
func (d Difference) Empty() bool {
	return len(d.Added) == 0 && len(d.Removed) == 0 && len(d.Changed) == 0
}

// String explains the difference: a line for each resource that came or went, a
// short unified diff for each that changed. It is empty where there is none.
func (d Difference) String() string {
	var lines []string
	for _, key := range d.Removed {
		lines = append(lines, "- "+key.String())
	}
	for _, key := range d.Added {
		lines = append(lines, "+ "+key.String())
	}
	for _, change := range d.Changed {
		lines = append(lines, "~ "+change.Key.String())
		lines = append(lines, change.hunks()...)
	}
	return strings.Join(lines, "\n")
}

// hunks is the unified diff without its two file lines, indented, and cut where it grows beyond reading.
func (c Change) hunks() []string {
	const fileLines, enough = 2, 40
	text := udiff.Unified("before", "after", c.Before, c.After)
	lines := slices.Collect(strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n"))[fileLines:]
	if hidden := len(lines) - enough; hidden > 0 {
		lines = append(lines[:enough], fmt.Sprintf("... %d more lines differ", hidden))
	}
	for i := range lines {
		lines[i] = "    " + lines[i]
	}
	return lines
}
