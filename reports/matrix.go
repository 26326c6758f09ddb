package reports

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// MatrixSchema names the form of matrix.json. A field is never renamed; new ones may come.
const MatrixSchema = "meshproof/matrix/v1"

// Matrix is what versions side by side come to.
type Matrix struct {
	Schema  string      `json:"schema"`
	Rows    []MatrixRow `json:"rows"`              // by version
	Missing []string    `json:"missing,omitempty"` // rows without a report, one sentence each
	LeftOut []string    `json:"leftOut,omitempty"` // files that are no reports, one sentence each
	// Changes are what changed between neighbours: rows that differ in one component only, and have no other between them.
	Changes []MatrixChange `json:"changes"`
	// Scenarios are those that not all rows answer alike, with the promises of which that is so. What a row was not asked, or did not come to, is no answer.
	Scenarios []ScenarioAcross `json:"scenarios"`
	Pages     []PageAcross     `json:"pages"`
}

// MatrixRow is one mesh of a matrix.
type MatrixRow struct {
	Name string `json:"name"`
	Compared

	Asked   string  `json:"asked"`   // what was asked for, in words
	Success bool    `json:"success"` // the run proved something, and nothing speaks against it
	Ended   string  `json:"ended,omitempty"`
	Summary Summary `json:"summary"`

	report Report
}

// MatrixChange is a component of which neighbours have different versions, with what became of promises.
type MatrixChange struct {
	Component string           `json:"component"` // "Istio", "Kubernetes", "images", …
	Old       string           `json:"old"`
	New       string           `json:"new"`
	Later     bool             `json:"later"` // New comes after Old; otherwise no order is known
	Promises  []ChangedPromise `json:"promises"`
}

// ChangedPromise is a promise that neighbours answer differently; or a scenario, for another reason than a promise.
type ChangedPromise struct {
	ID     string   `json:"id"` // of the scenario
	Page   string   `json:"page"`
	Told   string   `json:"told"` // where the scenario is told
	Step   string   `json:"step,omitempty"`
	Says   string   `json:"says,omitempty"`  // empty: the scenario as a whole
	Holds  []string `json:"holds,omitempty"` // passages of the documents
	Old    Verdict  `json:"old"`             // empty: there was no such promise
	New    Verdict  `json:"new"`             // empty: there is none any more
	Rows   []string `json:"rows"`            // the neighbours, "a -> b"
	Then   Witness  `json:"then"`            // of the first of them
	Now    Witness  `json:"now"`
	Config []Config `json:"config,omitempty"` // where it is known of both
}

// Witness is what a row has of a promise.
type Witness struct {
	Why      string `json:"why,omitempty"`    // why it has its verdict, where it did not simply pass
	Answer   string `json:"answer,omitempty"` // the step's, in a few lines
	Evidence string `json:"evidence,omitempty"`
}

// Config is a part of a proxy's configuration in two rows.
type Config struct {
	Of   string `json:"of"` // "cluster outbound|443||edition.cnn.com of istio-proxy of curl.default"
	Then string `json:"then"`
	Now  string `json:"now"`
	Diff string `json:"diff,omitempty"` // from then to now, a line each; empty: it is the same
}

// ScenarioAcross is a scenario in all rows.
type ScenarioAcross struct {
	ID       string          `json:"id"`
	Page     string          `json:"page"`
	Title    string          `json:"title"`
	Told     string          `json:"told"`
	Rows     []Across        `json:"rows"` // one for each row of the matrix
	Promises []PromiseAcross `json:"promises,omitempty"`
}

// PromiseAcross is a promise in all rows.
type PromiseAcross struct {
	Step string   `json:"step"`
	Says string   `json:"says"`
	Rows []Across `json:"rows"`
}

// Across is what a scenario or a promise came to in a row.
type Across struct {
	Verdict Verdict `json:"verdict"` // empty: the row does not have it
	Why     string  `json:"why,omitempty"`
}

// PageAcross is a page in all rows.
type PageAcross struct {
	Name    string            `json:"name"`
	Differs bool              `json:"differs"`
	Rows    []map[Verdict]int `json:"rows"` // scenarios
}

// NewMatrix puts reports side by side, one for each row, that are written to dir as a matrix.
func NewMatrix(dir string, rows []Placed) (Matrix, error) {
	m := Matrix{Schema: MatrixSchema, Changes: []MatrixChange{}, Scenarios: []ScenarioAcross{}, Pages: []PageAcross{}}
	for _, p := range rows {
		report, facts, err := compared(p.File)
		if err == nil {
			facts.File, err = between(dir, p.File)
		}
		if err != nil {
			return m, err
		}
		m.Rows = append(m.Rows, MatrixRow{
			Name: cmp.Or(report.Run.Row, path.Base(path.Dir(filepath.ToSlash(p.File)))), Compared: facts, Asked: report.Run.Selection,
			Success: report.Success(), Ended: oneLine(report.Run.endedEarly()), Summary: Summarise(report.Results), report: report,
		})
	}
	slices.SortStableFunc(m.Rows, func(a, b MatrixRow) int {
		for _, c := range components() {
			if order := c.order(a, b); order != 0 {
				return order
			}
		}
		return 0
	})
	m.across()
	for _, pair := range m.neighbours() {
		m.compare(dir, pair)
	}
	return m, nil
}

// Success tells whether every row has a report that proved something and that nothing speaks against.
func (m Matrix) Success() bool {
	return len(m.Missing) == 0 && !slices.ContainsFunc(m.Rows, func(r MatrixRow) bool { return !r.Success })
}

const compatibility = "compatibility version"

// component is a part of a mesh of which rows may have different ones.
type component struct {
	Name string
	of   func(MatrixRow) string
}

// components are all of them, the most important first.
func components() []component {
	return []component{
		{"Istio", func(r MatrixRow) string { return r.Istio }},
		{compatibility, func(r MatrixRow) string { return cmp.Or(r.Compatibility, "none") }},
		{"Kubernetes", func(r MatrixRow) string { return r.Kubernetes }},
		{"Envoy", func(r MatrixRow) string { // Istio's own comes with it, and is no component by itself
			own, _, _ := strings.Cut(r.Envoy, " ")
			return own
		}},
		{"images", func(r MatrixRow) string { return sourceKind(Testbed{ImageSource: r.ImageSource}) }},
		{"engine", func(r MatrixRow) string {
			engine, _, _ := strings.Cut(r.Engine, " ")
			return engine
		}},
	}
}

// hasVersions is false of images and engines, of which none comes after another.
func (c component) hasVersions() bool { return c.Name != "images" && c.Name != "engine" }

// order is negative where a comes before b: by version, and where there is none to order by, 0.
func (c component) order(a, b MatrixRow) int {
	switch {
	case !c.hasVersions():
		return strings.Compare(c.of(a), c.of(b))
	case c.Name == compatibility: // without one, the defaults are those of Istio itself
		return semver.Compare(versionIn(cmp.Or(a.Compatibility, a.Istio)), versionIn(cmp.Or(b.Compatibility, b.Istio)))
	}
	return semver.Compare(versionIn(c.of(a)), versionIn(c.of(b)))
}

// pair are neighbours.
type pair struct {
	component   component
	before, now MatrixRow
}

// neighbours are rows that differ in one component, each with the next by its order.
func (m Matrix) neighbours() []pair {
	var out []pair
	for _, c := range components() {
		for _, rows := range m.siblings(c) {
			for n := 1; n < len(rows); n++ {
				out = append(out, pair{c, rows[n-1], rows[n]})
			}
		}
	}
	return out
}

// siblings are the rows that differ in nothing but a component, group by group; of rows that do not even differ in that the first counts.
func (m Matrix) siblings(c component) [][]MatrixRow {
	var out [][]MatrixRow
	for _, row := range m.Rows {
		i := slices.IndexFunc(out, func(group []MatrixRow) bool { return group[0].but(c) == row.but(c) })
		switch {
		case i < 0:
			out = append(out, []MatrixRow{row})
		case !slices.ContainsFunc(out[i], func(r MatrixRow) bool { return c.of(r) == c.of(row) }):
			out[i] = append(out[i], row)
		}
	}
	return out
}

// but is what the row is made of beside a component.
func (row MatrixRow) but(c component) string {
	var rest []string
	for _, other := range components() {
		if other.Name != c.Name {
			rest = append(rest, other.of(row))
		}
	}
	return strings.Join(rest, "\n")
}

// isAnswer tells whether a verdict is about the mesh.
func isAnswer(v Verdict) bool { return v != Skipped && v != NotRun }

// everyResult has each scenario once, of the first row that has it.
func (m Matrix) everyResult() []*Result {
	var all []*Result
	seen := map[string]bool{}
	for _, row := range m.Rows {
		for _, r := range row.report.Results {
			if !seen[r.ID] {
				seen[r.ID], all = true, append(all, r)
			}
		}
	}
	return all
}

// across finds what rows do not answer alike.
func (m *Matrix) across() {
	at := make([]map[string]*Result, len(m.Rows))
	for i, row := range m.Rows {
		at[i] = byID(row.report.Results)
	}
	for _, page := range pages(m.everyResult()) {
		out := PageAcross{Name: page.Name, Rows: make([]map[Verdict]int, len(m.Rows))}
		for _, r := range page.Results {
			results := make([]*Result, len(m.Rows))
			for i := range m.Rows {
				results[i] = at[i][r.ID]
			}
			if s := acrossRows(r, results); s != nil {
				m.Scenarios, out.Differs = append(m.Scenarios, *s), true
			}
		}
		for i, row := range m.Rows {
			out.Rows[i] = row.verdictsOf(page.Name)
		}
		m.Pages = append(m.Pages, out)
	}
}

// verdictsOf counts the scenarios of a page by verdict.
func (row MatrixRow) verdictsOf(page string) map[Verdict]int {
	count := map[Verdict]int{}
	for _, r := range row.report.Results {
		if r.Page == page {
			count[r.Verdict]++
		}
	}
	return count
}

// acrossRows is a scenario in all rows, nil where they answer alike. A result is nil where a row does not have the scenario.
func acrossRows(first *Result, results []*Result) *ScenarioAcross {
	out := ScenarioAcross{ID: first.ID, Page: first.Page, Title: first.name(), Told: first.Document.Told(), Rows: make([]Across, len(results))}
	for i, r := range results {
		if r != nil {
			out.Rows[i] = Across{r.Verdict, oneLine(r.reasonUnlessPassed())}
		}
	}
	if out.Promises = promisesAcross(results); len(out.Promises) == 0 && !differ(results, out.Rows) {
		return nil
	}
	return &out
}

// promisesAcross are the promises of a scenario that rows do not answer alike.
func promisesAcross(results []*Result) []PromiseAcross {
	rows := map[promiseName][]Across{}
	var names []promiseName
	for i, r := range results {
		if r == nil {
			continue
		}
		for _, p := range r.namedPromises() {
			if rows[p.promiseName] == nil {
				rows[p.promiseName], names = make([]Across, len(results)), append(names, p.promiseName)
			}
			rows[p.promiseName][i] = Across{p.Verdict, p.unlessPassed()}
		}
	}
	var out []PromiseAcross
	for _, name := range names {
		if differ(results, rows[name]) {
			out = append(out, PromiseAcross{name.Step, name.Says, rows[name]})
		}
	}
	return out
}

// differ tells whether rows differ in what they answer; results are those of the scenario.
func differ(results []*Result, rows []Across) bool {
	var answers []Verdict
	for i, r := range results {
		if r != nil && isAnswer(r.Verdict) && isAnswer(rows[i].Verdict) {
			answers = append(answers, rows[i].Verdict)
		}
	}
	return slices.ContainsFunc(answers, func(v Verdict) bool { return v != answers[0] })
}

// unlessPassed is why the promise has its verdict, empty where it simply passed. What has changed since an earlier run of the same row is not its matter.
func (e *ExpectationResult) unlessPassed() string {
	if e.Verdict == Passed {
		return ""
	}
	return cmp.Or(missed(e), e.Reason)
}

// compare adds what changed between neighbours.
func (m *Matrix) compare(dir string, p pair) {
	old, now := p.component.of(p.before), p.component.of(p.now)
	i := slices.IndexFunc(m.Changes, func(c MatrixChange) bool { return c.Component == p.component.Name && c.Old == old && c.New == now })
	if i < 0 {
		i = len(m.Changes)
		ordered := p.component.hasVersions() && p.component.order(p.before, p.now) < 0
		m.Changes = append(m.Changes, MatrixChange{Component: p.component.Name, Old: old, New: now, Later: ordered, Promises: []ChangedPromise{}})
	}
	change := &m.Changes[i]
	before := byID(p.before.report.Results)
	for _, r := range p.now.report.Results {
		was := before[r.ID]
		if was == nil || !isAnswer(was.Verdict) || !isAnswer(r.Verdict) {
			continue
		}
		for _, c := range p.changes(dir, was, r) {
			same := func(other ChangedPromise) bool {
				return other.ID == c.ID && other.Step == c.Step && other.Says == c.Says && other.Old == c.Old && other.New == c.New
			}
			if k := slices.IndexFunc(change.Promises, same); k >= 0 && !slices.Contains(change.Promises[k].Rows, c.Rows[0]) {
				change.Promises[k].Rows = append(change.Promises[k].Rows, c.Rows...)
			} else {
				change.Promises = append(change.Promises, c)
			}
		}
	}
}

// changes are what neighbours do not answer alike of a scenario that both were asked.
func (p pair) changes(dir string, was, now *Result) []ChangedPromise {
	change := ChangedPromise{
		ID: now.ID, Page: now.Page, Told: now.Document.Told(), Old: was.Verdict, New: now.Verdict, Rows: []string{p.before.Name + " -> " + p.now.Name},
		Then: Witness{Why: was.reasonUnlessPassed()}, Now: Witness{Why: now.reasonUnlessPassed()},
	}
	var out []ChangedPromise
	for _, promise := range promisePairs(was, now) {
		old, is := promise.verdicts()
		if old == is || !isAnswer(old) || !isAnswer(is) {
			continue
		}
		c := change
		c.Old, c.New = old, is
		c.Then, c.Now = p.before.witness(promise.before), p.now.witness(promise.now)
		if promise.before != nil && promise.now != nil {
			c.Config = configBetween(side{dir, p.before, was, *promise.before}, side{dir, p.now, now, *promise.now})
		}
		named := cmp.Or(promise.now, promise.before)
		c.Step, c.Says, c.Holds = named.Step, named.promiseName.Says, named.step.Holds
		out = append(out, c)
	}
	if len(out) == 0 && was.Verdict != now.Verdict {
		out = append(out, change)
	}
	return out
}

// witness is what the row has of a promise, its evidence seen from where the matrix is.
func (row MatrixRow) witness(p *namedPromise) Witness {
	if p == nil {
		return Witness{}
	}
	w := Witness{Why: p.unlessPassed(), Answer: p.step.Answer}
	if p.step.EvidenceFile != "" {
		w.Evidence = path.Join(path.Dir(row.File), p.step.EvidenceFile)
	}
	return w
}

// side is a promise in a row of a matrix in dir.
type side struct {
	dir    string
	row    MatrixRow
	result *Result
	namedPromise
}

// configBetween is the configuration that a promise is about, on both sides of a change, where it is known of both: of the side where the promise failed
// from the report, of the other from what its run kept.
func configBetween(then, now side) []Config {
	var of []string
	for _, c := range slices.Concat(then.Config, now.Config) {
		if !slices.Contains(of, c.Of) {
			of = append(of, c.Of)
		}
	}
	var out []Config
	for _, part := range of {
		was, known := then.holds(part)
		is, alsoKnown := now.holds(part)
		if known && alsoKnown {
			out = append(out, Config{part, was, is, diffLines(was, is)})
		}
	}
	return out
}

// holds is what the proxy held of that part of its configuration, as much as a report has of it.
func (s side) holds(of string) (text string, known bool) {
	for _, c := range s.Config {
		if c.Of == of {
			return c.Now, true
		}
	}
	for _, c := range s.lastGood() {
		if c.Of == of && c.Step == s.Step && c.Ordinal == s.stepOrdinal && !c.At.Before(s.row.Started.Truncate(time.Second)) {
			return cutLines(c.Held, heldShown), true
		}
	}
	return "", false
}

// lastGood is what the run of the row has kept of the scenario, in the folder that its evidence is in.
func (s side) lastGood() []goodConfig {
	folder := strings.TrimSuffix(s.result.Evidence, path.Join(evidenceName, s.result.ID))
	root, err := os.OpenRoot(filepath.Join(s.dir, filepath.FromSlash(path.Join(path.Dir(s.row.File), folder))))
	if err != nil {
		return nil
	}
	defer root.Close()
	return readLastGood(root, path.Join(lastGoodName, s.result.ID+".json"))
}

// String is the change in a few words.
func (c MatrixChange) String() string {
	if c.Later {
		return fmt.Sprintf("since %s %s (was %s)", c.Component, c.New, c.Old)
	}
	return fmt.Sprintf("%s %s, not %s", c.Component, c.New, c.Old)
}

// Heading is the same at the beginning of a line.
func (c MatrixChange) Heading() string {
	text := c.String()
	return strings.ToUpper(text[:1]) + text[1:]
}

// What is the promise by its words, or the scenario.
func (c ChangedPromise) What() string {
	if c.Says == "" {
		return c.ID
	}
	return fmt.Sprintf("%s: %q (%s)", c.ID, c.Says, c.Step)
}

// Where are the lines of the documents that the promise is held by, and the rows.
func (c ChangedPromise) Where() string {
	return strings.Join(slices.Concat([]string{c.Told}, c.Holds, c.Rows), "; ")
}

// Turned is what the promise was and is.
func (c ChangedPromise) Turned() string {
	switch {
	case c.Old == "":
		return "is new, and " + c.New.String()
	case c.New == "":
		return "is gone, and had " + c.Old.String()
	}
	return fmt.Sprintf("turned from %s to %s", c.Old, c.New)
}
