package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Read reads a report.json. A file that is missing, no JSON, no report, or of another schema is an error that says so.
func Read(file string) (Report, error) {
	report, _, err := readSummed(file)
	return report, err
}

// readSummed is Read, with the SHA-256 of the file in hexadecimal.
func readSummed(file string) (report Report, sum string, err error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Report{}, "", fmt.Errorf("there is no report %s; `make e2e` writes one to reports/out/report.json: %w", file, err)
	}
	if err != nil {
		return Report{}, "", fmt.Errorf("the report %s cannot be read: %w", file, err)
	}
	report, err = parse(file, raw)
	return report, sumOf(raw), err
}

func parse(file string, raw []byte) (Report, error) {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return Report{}, fmt.Errorf("%s is no report: it is not the JSON that a run writes: %w", file, err)
	}
	switch head.Schema {
	case Schema:
	case "":
		return Report{}, fmt.Errorf("%s is no report: it is JSON, but names no schema (%s was expected)", file, Schema)
	default:
		return Report{}, fmt.Errorf("%s has the schema %q, and this meshproof reads %q; use the meshproof that wrote it", file, head.Schema, Schema)
	}
	var report Report
	if err := json.Unmarshal(raw, &report); err != nil {
		return Report{}, fmt.Errorf("%s says it is a report (%s), but does not have its form: %w", file, Schema, err)
	}
	if err := report.check(); err != nil {
		return Report{}, fmt.Errorf("%s is a damaged report: %w", file, err)
	}
	return report, nil
}

// check refuses what only an edited or damaged file can hold.
func (r Report) check() error {
	seen := map[string]bool{}
	for i, result := range r.Results {
		if result == nil {
			return fmt.Errorf("result %d is empty", i+1)
		}
		if err := result.check(); err != nil {
			return err
		}
		if seen[result.ID] {
			return fmt.Errorf("it holds %s twice", result.ID)
		}
		seen[result.ID] = true
	}
	return nil
}

func (r *Result) check() error {
	if r.ID == "" {
		return errors.New("a result has no id")
	}
	if !r.Verdict.Known() {
		return fmt.Errorf("%s has the verdict %q, which nobody knows", r.ID, string(r.Verdict))
	}
	for i, step := range r.Steps {
		if step == nil || !step.Verdict.Known() {
			return fmt.Errorf("%s: step %d has no verdict that is known", r.ID, i+1)
		}
		for _, e := range step.Expectations {
			if e == nil || !e.Verdict.Known() {
				return fmt.Errorf("%s: a promise of step %d has no verdict that is known", r.ID, i+1)
			}
		}
	}
	return nil
}
