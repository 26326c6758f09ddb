package reports

// numberedStep is a step with its place in the scenario, from 1.
type numberedStep struct {
	*StepResult

	Number int
}

// splitSteps are a scenario's steps by whose they are. In both the order is that in which they were done.
type splitSteps struct {
	Page   []numberedStep // what the documents tell
	Guards []numberedStep // guards and controls: they prove that what the page says is so because of what it does
	Red    bool           // a guard speaks against the scenario
}

// split puts the page's steps first: those that hold passages of the documents. A change belongs to the question that comes after it; at the end to the one
// before. Where no step holds a passage, nothing is split.
func (r *Result) split() splitSteps {
	var s splitSteps
	var changes []numberedStep
	last := &s.Page
	for i, step := range r.Steps {
		changes = append(changes, numberedStep{step, i + 1})
		if len(step.Expectations) == 0 {
			continue
		}
		last = &s.Guards
		if len(step.Holds) > 0 {
			last = &s.Page
		}
		*last = append(*last, changes...)
		changes = nil
	}
	*last = append(*last, changes...)
	if len(s.Page) == 0 {
		s.Page, s.Guards = s.Guards, nil
	}
	for _, guard := range s.Guards {
		s.Red = s.Red || guard.Verdict.Blocks() || guard.Verdict == Flaky
	}
	return s
}
