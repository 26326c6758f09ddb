package reports

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"
)

// lastGoodName is the folder that outlives the runs of a report's folder: by scenario, what proxies held when its promises held last.
const lastGoodName = "last-good"

// How much of a configuration is kept and shown, in bytes and in lines.
const (
	heldBytes = 64 << 10
	heldShown = 8 << 10
	heldDiff  = 40
)

// ConfigChange is what a proxy holds of the configuration that a failed promise is about, and what that was when the step's promises about it held last.
type ConfigChange struct {
	Of         string    `json:"of"`                  // "cluster outbound|443||edition.cnn.com of istio-proxy of curl.default"
	Now        string    `json:"now"`                 // Envoy's own JSON, or names; empty: there is none
	LastPassed time.Time `json:"lastPassed,omitzero"` // zero: no run in this folder is known in which they held
	Diff       string    `json:"diff,omitempty"`      // from then to now, a line each; empty: nothing has changed, or nobody knows
}

// String is the change in a few lines; empty where nobody knows what was before.
func (c ConfigChange) String() string {
	if c.LastPassed.IsZero() {
		return ""
	}
	at := c.LastPassed.UTC().Format("2 January 2006, 15:04:05 UTC")
	if c.Diff == "" {
		return fmt.Sprintf("%s is as it was when this last passed (%s)", c.Of, at)
	}
	return fmt.Sprintf("%s, - when this last passed (%s), + now:\n%s", c.Of, at, c.Diff)
}

// Changes tells behind wanted and got what has changed since the promise last passed; empty where nobody knows.
func (e *ExpectationResult) Changes() string {
	var b strings.Builder
	for _, c := range e.Config {
		if text := c.String(); text != "" {
			b.WriteString("\n" + text)
		}
	}
	return b.String()
}

// goodConfig is one part of a proxy's configuration at a step whose promises about it held.
type goodConfig struct {
	Step    string    `json:"step"`
	Ordinal int       `json:"ordinal"` // among steps of the same words
	Of      string    `json:"of"`
	At      time.Time `json:"at"`
	Held    string    `json:"held"`
}

// keepLastGood keeps what proxies held where promises held, for the next run, and compares what they hold where promises failed with what the last run kept.
func (j *Journal) keepLastGood(r *Result) error {
	name := path.Join(lastGoodName, r.ID+".json")
	known := readLastGood(j.root, name)
	var kept []goodConfig
	isNew := false
	ordinals := map[string]int{}
	for _, step := range r.Steps {
		ordinals[step.Says]++
		was := slices.DeleteFunc(slices.Clone(known), func(c goodConfig) bool { return c.Step != step.Says || c.Ordinal != ordinals[step.Says] })
		now, failed := j.heldAt(step)
		for _, of := range slices.Sorted(maps.Keys(now)) {
			if failed[of] {
				continue
			}
			was = slices.DeleteFunc(was, func(c goodConfig) bool { return c.Of == of })
			was, isNew = append(was, goodConfig{step.Says, ordinals[step.Says], of, time.Now().UTC().Truncate(time.Second), now[of]}), true
		}
		kept = append(kept, was...)
		compareConfig(step, now, was)
	}
	if !isNew {
		return nil
	}
	raw, err := json.Marshal(kept)
	if err == nil {
		err = j.writeEvidence(name, raw)
	}
	if err != nil {
		return fmt.Errorf("the configuration of %s could not be kept: %w", r.ID, err)
	}
	return nil
}

// readLastGood is what an earlier run has left; what cannot be read is none, and is written anew.
func readLastGood(root *os.Root, name string) []goodConfig {
	raw, err := root.ReadFile(name)
	var known []goodConfig
	if err != nil || json.Unmarshal(raw, &known) != nil {
		return nil
	}
	return known
}

// heldAt is what the promises of a step were judged on, as it may be written, and which of it a promise that failed is about. Only what was judged counts.
func (j *Journal) heldAt(step *StepResult) (now map[string]string, failed map[string]bool) {
	now, failed = map[string]string{}, map[string]bool{}
	for _, e := range step.Expectations {
		if e.Verdict != Passed && e.Verdict != Failed {
			e.Held = nil
		}
		for of, text := range e.Held {
			if j.clean != nil {
				text = j.clean([]string{text})[0]
			}
			now[of] = cutLines(text, heldBytes)
			failed[of] = failed[of] || e.Verdict == Failed
		}
	}
	return now, failed
}

// compareConfig tells of every failed promise of a step what it is about has become.
func compareConfig(step *StepResult, now map[string]string, good []goodConfig) {
	for _, e := range step.Expectations {
		if e.Verdict != Failed {
			e.Held = nil
		}
		for _, of := range slices.Sorted(maps.Keys(e.Held)) {
			change := ConfigChange{Of: of, Now: cutLines(now[of], heldShown)}
			if i := slices.IndexFunc(good, func(c goodConfig) bool { return c.Of == of }); i >= 0 {
				change.LastPassed, change.Diff = good[i].At, diffLines(good[i].Held, now[of])
			}
			e.Config = append(e.Config, change)
		}
		e.Held = nil // it is written
	}
}

// diffLines is a unified diff without its file names, cut where it grows beyond reading.
func diffLines(before, after string) string {
	const fileNames = 2
	rows := strings.Split(strings.TrimSuffix(udiff.Unified("", "", before, after), "\n"), "\n")
	if len(rows) <= fileNames {
		return ""
	}
	rows = rows[fileNames:]
	if hidden := len(rows) - heldDiff; hidden > 0 {
		rows = append(rows[:heldDiff:heldDiff], fmt.Sprintf("… %s", counted(hidden, "more line")))
	}
	return strings.Join(rows, "\n")
}

// cutLines is as much of a text as fits, in whole lines.
func cutLines(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := strings.LastIndexByte(text[:limit], '\n') + 1
	return fmt.Sprintf("%s… %d of %d bytes are left out\n", text[:end], len(text)-end, len(text))
}
