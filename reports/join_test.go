package reports

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// shardOf is what the shard of a run of the sample reports: its own pages, and the rest as not asked for.
func shardOf(number, of int, own ...string) Report {
	r := sample()
	shard := Shard{number, of}
	r.Run.ID, r.Run.Shard, r.Run.Selection = "run"+string(rune('0'+number)), &shard, shard.String()+" of all pages"
	r.Run.Command = "make e2e SHARD='" + string(rune('0'+number)) + "/" + string(rune('0'+of)) + "' IMAGES='packages'"
	for i, result := range r.Results {
		if !slices.Contains(own, result.Page) {
			r.Results[i] = result.never(Skipped, "not selected: "+r.Run.Selection)
		}
	}
	return r
}

// put writes a report to a folder.
func put(t *testing.T, dir string, r Report) {
	t.Helper()
	NewWithT(t).Expect(Write(dir, r)).To(Succeed())
	NewWithT(t).Expect(os.WriteFile(filepath.Join(dir, SBOMFile), []byte("{}"), 0o600)).To(Succeed())
}

func TestShardsBecomeOneReport(t *testing.T) {
	g, dir, out := NewWithT(t), t.TempDir(), t.TempDir()
	second := shardOf(2, 2, "egress-gateway")
	second.Run.Started, second.Run.Phases.Replay = second.Run.Started.Add(-time.Minute), ms(90000)
	second.Testbed.Engine, second.Testbed.Workarounds = "podman 5.0", append(second.Testbed.Workarounds, "one more")
	put(t, filepath.Join(dir, "b"), shardOf(1, 2, "kubernetes-services"))
	put(t, filepath.Join(dir, "a"), second)

	found, leftOut, err := ReadFolder(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(leftOut).To(BeEmpty())
	rows, err := Join(out, found)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(rows).To(HaveLen(1))
	g.Expect(rows[0].File).To(Equal(filepath.Join(out, "report.json")))
	whole := sample()
	got := rows[0].Report
	g.Expect(got.Run.ID).To(Equal("run1+run2"))
	g.Expect(got.Run.Shard).To(BeNil())
	g.Expect(got.Run.Selection).To(Equal("all pages"))
	g.Expect(got.Run.Command).To(Equal("make e2e IMAGES='packages'"))
	g.Expect(got.Run.Error).To(BeEmpty())
	g.Expect(got.Run.Started).To(Equal(second.Run.Started))
	g.Expect(got.Run.Phases.Replay).To(Equal(ms(90000)))
	g.Expect(got.Summary).To(Equal(whole.Summary))
	g.Expect(got.Testbed.Workarounds).To(HaveLen(3))
	g.Expect(idsOf(got.Results)).To(Equal(idsOf(whole.Results)))
	between, err := filepath.Rel(out, dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.Results[0].Evidence).To(Equal(filepath.Join(between, "b", whole.Results[0].Evidence)), "where it is")
	g.Expect(got.Results[4].Steps[0].EvidenceFile).To(Equal(filepath.Join(between, "a", whole.Results[4].Steps[0].EvidenceFile)))
	for _, name := range append(formNames(), SBOMFile) {
		g.Expect(filepath.Join(out, name)).To(BeARegularFile())
	}

	put(t, filepath.Join(dir, "joined"), got)
	found, leftOut, err = ReadFolder(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found).To(HaveLen(2))
	g.Expect(leftOut).To(ConsistOf(HaveSuffix("joined/report.json is what others of these reports were put together to")))
}

// What is not there is said, and neither the command nor the gate takes it for a success.
func TestAShardThatIsMissing(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	dead := shardOf(3, 4, "http-proxy")
	dead.Testbed, dead.Run.Interrupted, dead.Run.Error = Testbed{}, true, "the cluster did not come up"
	put(t, filepath.Join(dir, "1"), shardOf(1, 4, "kubernetes-services"))
	put(t, filepath.Join(dir, "3"), dead)
	found, _, err := ReadFolder(dir)
	g.Expect(err).NotTo(HaveOccurred())
	rows, err := Join(filepath.Join(dir, "out"), found)
	g.Expect(err).NotTo(HaveOccurred())
	run := rows[0].Run
	g.Expect(run.Error).To(Equal("shard 3 of 4: the cluster did not come up; shard 2 of 4 is missing; shard 4 of 4 is missing"))
	g.Expect(run.Interrupted).To(BeTrue())
	g.Expect(rows[0].Testbed.Istio).To(Equal("1.31.1"), "of the one that came up")
	g.Expect(rows[0].Success()).To(BeFalse())
	g.Expect(Gate(rows[0].Report, nil, GateOptions{}).Blockers).To(ContainElement(ContainSubstring("shard 2 of 4 is missing")))
}

func TestAShardAloneOpensNoGate(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	alone := reportOf(one("a", Passed, ""))
	alone.Run.Shard = &Shard{2, 4}
	g.Expect(Gate(alone, nil, GateOptions{}).Blockers).To(Equal([]string{"it is shard 2 of 4: `make merge` puts it together with the others"}))
	file := filepath.Join(dir, "report.json")
	g.Expect(Join(dir, []Placed{{file, alone}})).To(Equal([]Placed{{file, alone}}), "it stays what it is")
}

func TestReportsThatAreNotOfOneRun(t *testing.T) {
	for name, c := range map[string]struct {
		change func(second *Report)
		says   string
	}{
		"another number of shards": {func(r *Report) { r.Run.Shard.Of, r.Run.Selection = 3, "shard 2 of 3 of all pages" }, "a is shard 1 of 2 of all pages, and b is shard 2 of 3 of all pages: they are not of one run"},
		"another selection":        {func(r *Report) { r.Run.Selection = "shard 2 of 2 of page x" }, "a is shard 1 of 2 of all pages, and b is shard 2 of 2 of page x: they are not of one run"},
		"the same shard":           {func(r *Report) { *r = shardOf(1, 2, "egress-gateway") }, "a and b are both shard 1 of 2: remove one"},
		"other scenarios":          {func(r *Report) { r.Results = r.Results[1:] }, "a and b know different scenarios: they are of two versions of meshproof"},
		"another Istio":            {func(r *Report) { r.Testbed.Istio = "1.32.0" }, "a and b ran on different meshes, and shards of one run are of one: Istio: 1.31.1 -> 1.32.0"},
		"another source":           {func(r *Report) { r.Testbed.ImageSource = "registry" }, "shards of one run are of one: Images from: packages -> registry"},
		"another build":            {func(r *Report) { r.Testbed.Images = map[string]string{"meshproof/pilot:1.31": "sha256:00"} }, "image meshproof/pilot:1.31: sha256:3a7b"},
		"a scenario twice":         {func(r *Report) { *r = shardOf(2, 2, "kubernetes-services") }, "egress/kubernetes-services/external-name is in a and in b: shards of one run have no scenario in common"},
	} {
		t.Run(name, func(t *testing.T) {
			second := shardOf(2, 2, "egress-gateway")
			c.change(&second)
			_, err := Join(t.TempDir(), []Placed{{"a", shardOf(1, 2, "kubernetes-services")}, {"b", second}})
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(c.says)))
		})
	}
	row := sample()
	row.Run.Row = "new"
	_, err := Join(t.TempDir(), []Placed{{"a", row}, {"b", row}})
	NewWithT(t).Expect(err).To(MatchError("a is all of new, and there are other reports of that row: merge the reports of one matrix"))
}

func TestReadFolder(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	_, _, err := ReadFolder(filepath.Join(dir, "none"))
	g.Expect(err).To(MatchError(HavePrefix("the folder of reports cannot be read; name one that is there with DIR=FOLDER")))
	_, _, err = ReadFolder(dir)
	g.Expect(err).To(MatchError(dir + " holds no report.json that tells anything; name a folder with reports of runs with DIR=FOLDER"))
	put(t, filepath.Join(dir, "one"), sample())
	put(t, filepath.Join(dir, "two"), sample())
	g.Expect(os.WriteFile(filepath.Join(dir, "report.json"), []byte("{"), 0o600)).To(Succeed())
	found, leftOut, err := ReadFolder(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found).To(HaveLen(1))
	g.Expect(strings.Join(leftOut, "\n")).To(And(ContainSubstring("two/report.json is of the same run as one/report.json"), ContainSubstring("report.json is no report")))
}

// The times that deal out shards are those of the newest report.
func TestTook(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	g.Expect(Took(dir)).To(BeNil(), "nothing is published")
	for i, took := range []Seconds{ms(1000), ms(3000), ms(2000)} {
		r := reportOf(one("a", Passed, ""))
		r.Results[0].Timings.Total = took
		r.Run.Started = time.Date(2026, 11, []int{1, 3, 2}[i], 0, 0, 0, 0, time.UTC)
		folder := filepath.Join(dir, "1", "packages", took.decimal())
		put(t, folder, r)
		files := map[string][]byte{}
		for _, name := range publishedNames() {
			files[name], _ = os.ReadFile(filepath.Join(folder, name))
		}
		g.Expect(writePublished(folder, files)).To(Succeed())
	}
	g.Expect(Took(dir)).To(Equal(map[string]time.Duration{"a": 3 * time.Second}))
}
