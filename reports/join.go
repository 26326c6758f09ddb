package reports

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// ReadFolder reads every report.json in dir and below, in the order of their paths. What is none, is damaged, or is what others of the folder were put together
// to before, is named in leftOut, one sentence each. That nothing can be used is an error.
func ReadFolder(dir string) (found []Placed, leftOut []string, err error) {
	leftOut, err = eachReport(dir, func(file string, report Report) error {
		found = append(found, Placed{filepath.Join(dir, file), report})
		return nil
	})
	if err != nil {
		return nil, leftOut, err
	}
	ids := map[string]bool{}
	for _, p := range found {
		ids[p.Run.ID] = true
	}
	found = slices.DeleteFunc(found, func(p Placed) bool {
		parts := strings.Split(p.Run.ID, joint)
		joined := len(parts) > 1 && slices.ContainsFunc(parts, func(id string) bool { return ids[id] })
		if joined {
			leftOut = append(leftOut, p.File+" is what others of these reports were put together to")
		}
		return joined
	})
	if len(found) == 0 {
		return nil, leftOut, noReports(dir)
	}
	return found, leftOut, nil
}

// joint is between the ids of the runs that were put together.
const joint = "+"

// Join puts the shards of each run together to one report, in out, or below it by the name of its row where the run is one of a matrix. What is no shard stays as
// it is, and so does a shard without any other. Reports that are not of one run are an error: of other versions, of another selection, or twice the same.
func Join(out string, found []Placed) ([]Placed, error) {
	var names []string
	runs := map[string][]Placed{}
	for _, p := range found {
		name := p.Run.Row
		if name == "" && p.Run.Shard == nil {
			name = p.File // a run by itself
		}
		if runs[name] == nil {
			names = append(names, name)
		}
		runs[name] = append(runs[name], p)
	}
	var rows []Placed
	for _, name := range names {
		row := runs[name][0]
		if len(runs[name]) > 1 {
			var err error
			if row, err = join(filepath.Join(out, row.Run.Row), runs[name]); err != nil {
				return nil, err
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// join writes the report that shards make, and the bill of materials, into dir.
func join(dir string, shards []Placed) (Placed, error) {
	known := shards[0] // the first of which it is known what it ran on
	for _, p := range shards {
		if known.Testbed.Istio == "" {
			known = p
		}
	}
	for i, p := range shards {
		if err := p.fits(shards[:i], known); err != nil {
			return Placed{}, err
		}
	}
	slices.SortFunc(shards, func(a, b Placed) int { return a.Run.Shard.Number - b.Run.Shard.Number })
	report := Report{Schema: Schema, Run: joinedRun(shards), Testbed: joinedTestbed(shards, known)}
	for _, p := range shards {
		report.Incidents = append(report.Incidents, p.Incidents...)
	}
	var err error
	if report.Results, err = joinedResults(dir, shards); err != nil {
		return Placed{}, err
	}
	sbom, err := os.ReadFile(filepath.Join(filepath.Dir(known.File), SBOMFile))
	if errors.Is(err, fs.ErrNotExist) {
		report.Testbed.SBOM = ""
	} else if err != nil {
		return Placed{}, fmt.Errorf("what the testbed is made of: %w", err)
	}
	if err := Write(dir, report); err != nil {
		return Placed{}, err
	}
	if report.Testbed.SBOM != "" {
		if err := replaceFile(filepath.Join(dir, SBOMFile), sbom); err != nil {
			return Placed{}, unwritable(dir, err)
		}
	}
	file := filepath.Join(dir, "report.json")
	report, err = Read(file)
	return Placed{file, report}, err
}

// fits tells whether the report is another shard of the same run as the others.
func (p Placed) fits(others []Placed, known Placed) error {
	if p.Run.Shard == nil {
		return fmt.Errorf("%s is all of %s, and there are other reports of that row: merge the reports of one matrix", p.File, p.Run.Row)
	}
	for _, other := range others {
		switch {
		case p.Run.Shard.Of != other.Run.Shard.Of || p.whole() != other.whole():
			return fmt.Errorf("%s is %s, and %s is %s: they are not of one run", other.File, other.Run.Selection, p.File, p.Run.Selection)
		case p.Run.Shard.Number == other.Run.Shard.Number:
			return fmt.Errorf("%s and %s are both %s: remove one", other.File, p.File, p.Run.Shard)
		case !slices.Equal(idsOf(p.Results), idsOf(other.Results)):
			return fmt.Errorf("%s and %s know different scenarios: they are of two versions of meshproof", other.File, p.File)
		}
	}
	if changes := factChanges(sameMesh(known.Testbed), sameMesh(p.Testbed)); p.Testbed.Istio != "" && len(changes) > 0 {
		return fmt.Errorf("%s and %s ran on different meshes, and shards of one run are of one: %s", known.File, p.File, strings.Join(lines(changes[:min(len(changes), 3)]), "; "))
	}
	return nil
}

// sameMesh is what has to be the same where shards of one run ran: versions, sources and digests. Machines may differ.
func sameMesh(t Testbed) Testbed {
	t.Engine, t.ImageSource, t.Deviations, t.Workarounds = "", sourceKind(t), nil, nil
	return t
}

// whole is what all shards together were asked for.
func (p Placed) whole() string {
	return strings.TrimPrefix(p.Run.Selection, p.Run.Shard.String()+" of ")
}

// joinedRun is the run of all shards. They ran side by side, so that times are those of the longest.
func joinedRun(shards []Placed) Run {
	first := shards[0]
	run := Run{Started: first.Run.Started, Selection: first.whole(), Row: first.Run.Row}
	run.Command = strings.Replace(first.Run.Command, fmt.Sprintf(" SHARD='%d/%d'", first.Run.Shard.Number, first.Run.Shard.Of), "", 1)
	var ids, ended, errs []string
	missing := map[int]bool{}
	for number := range first.Run.Shard.Of {
		missing[number+1] = true
	}
	for _, p := range shards {
		r := p.Run
		delete(missing, r.Shard.Number)
		ids = append(ids, r.ID)
		run.Interrupted = run.Interrupted || r.Interrupted
		if r.Started.Before(run.Started) {
			run.Started = r.Started
		}
		if r.Finished.After(run.Finished) {
			run.Finished = r.Finished
		}
		if r.Ended != "" {
			ended = append(ended, r.Shard.String()+": "+r.Ended)
		}
		if r.Error != "" {
			errs = append(errs, r.Shard.String()+": "+r.Error)
		}
		run.Phases = longer(run.Phases, r.Phases)
	}
	for number := range first.Run.Shard.Of {
		if missing[number+1] {
			errs = append(errs, Shard{number + 1, first.Run.Shard.Of}.String()+" is missing")
		}
	}
	run.ID, run.Ended, run.Error = strings.Join(ids, joint), strings.Join(ended, "; "), strings.Join(errs, "; ")
	return run
}

func longer(a, b Phases) Phases {
	return Phases{
		Images: max(a.Images, b.Images), Cluster: max(a.Cluster, b.Cluster), Istio: max(a.Istio, b.Istio), Fixtures: max(a.Fixtures, b.Fixtures),
		Replay: max(a.Replay, b.Replay), Cleanup: max(a.Cleanup, b.Cleanup),
	}
}

// joinedTestbed is what all of them ran on, with what was said of any.
func joinedTestbed(shards []Placed, known Placed) Testbed {
	t := known.Testbed
	for _, p := range shards {
		t.Deviations, t.Workarounds = union(t.Deviations, p.Testbed.Deviations), union(t.Workarounds, p.Testbed.Workarounds)
		t.Provisional, t.NotAsInstalled = union(t.Provisional, p.Testbed.Provisional), union(t.NotAsInstalled, p.Testbed.NotAsInstalled)
	}
	return t
}

func union(all, more []string) []string {
	all = slices.Clone(all)
	for _, s := range more {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// joinedResults are the results of the shards that were asked for each scenario, with evidence where it is, seen from dir.
func joinedResults(dir string, shards []Placed) ([]*Result, error) {
	out := slices.Clone(shards[0].Results)
	from := make([]string, len(out))
	for _, p := range shards {
		folder, err := between(dir, filepath.Dir(p.File))
		if err != nil {
			return nil, err
		}
		for i, r := range p.Results {
			switch {
			case r.Verdict == Skipped:
			case from[i] != "":
				return nil, fmt.Errorf("%s is in %s and in %s: shards of one run have no scenario in common", r.ID, from[i], p.File)
			default:
				out[i], from[i] = r.movedTo(folder), p.File
			}
		}
	}
	return out, nil
}

// between is the way from a folder to another, with slashes.
func between(from, to string) (string, error) {
	from, err := filepath.Abs(from)
	if err == nil {
		to, err = filepath.Abs(to)
	}
	if err == nil {
		to, err = filepath.Rel(from, to)
	}
	return filepath.ToSlash(to), err
}

// movedTo is a copy whose evidence is below another folder.
func (r Result) movedTo(folder string) *Result {
	moved := func(name string) string {
		if name == "" {
			return ""
		}
		return path.Join(folder, name)
	}
	r.Evidence, r.Steps = moved(r.Evidence), slices.Clone(r.Steps)
	for i, step := range r.Steps {
		clone := *step
		clone.EvidenceFile, clone.MissedFile = moved(step.EvidenceFile), moved(step.MissedFile)
		r.Steps[i] = &clone
	}
	return &r
}
