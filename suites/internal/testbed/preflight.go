package testbed

import (
	"context"
	"errors"
	"strings"

	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// Finding is one thing that was looked at before anything is built.
type Finding = engine.Finding

// Preflight looks whether this machine can run the testbed, and says of each thing what to do if it cannot.
func Preflight(ctx context.Context, o Options) []Finding {
	b, err := newBuilder(o)
	if err != nil {
		return []Finding{{Subject: "options", Saw: "not usable", Fix: err.Error()}}
	}
	e, err := findEngine(ctx, b.options.Engine)
	if err != nil {
		return []Finding{{Subject: "engine", Saw: "none that works", Fix: err.Error()}}
	}
	findings := []Finding{{Subject: "engine", Saw: e.String() + " starts privileged containers"}}
	for _, w := range e.Workarounds {
		findings = append(findings, Finding{Subject: "work-around", Saw: w.String()})
	}
	findings = append(findings, e.Machine(b.Dir)...)
	there, err := b.home.standing(ctx, e)
	switch {
	case err != nil:
		findings = append(findings, Finding{Subject: "cluster", Saw: b.Name, Fix: err.Error()})
	case there.node != nil:
		findings = append(findings, Finding{Subject: "cluster", Saw: b.Name + " of ours stands"})
	}
	return findings
}

// refuse is an error of all that is wrong, or nil.
func refuse(findings []Finding) error {
	var wrong []string
	for _, f := range findings {
		if !f.OK() {
			wrong = append(wrong, f.String())
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return errors.New("this machine cannot run the testbed: " + strings.Join(wrong, "\n"))
}
