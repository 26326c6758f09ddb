package reports

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// hide stands for what a caller brings.
func hide(texts []string) []string { return replace(texts, `top "secret"`, "removed") }

// replace replaces also what begins in one text and ends in another.
func replace(texts []string, old, with string) []string {
	return strings.Split(strings.ReplaceAll(strings.Join(texts, "|"), old, with), "|")
}

func expected(ids ...string) []Result {
	var out []Result
	for _, id := range ids {
		out = append(out, *one(id, NotRun, "the run ended before it"))
	}
	return out
}

// journalIn begins a run in dir with its header written.
func journalIn(t *testing.T, dir string) *Journal {
	t.Helper()
	g := NewWithT(t)
	j, err := CreateJournal(dir, hide)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = j.Close() })
	g.Expect(j.Header(Run{ID: "r1", Started: time.Now(), Selection: "all pages"}, Testbed{})).To(Succeed())
	return j
}

func verdicts(r Report) map[string]Verdict {
	out := map[string]Verdict{}
	for _, result := range r.Results {
		out[result.ID] = result.Verdict
	}
	return out
}

func TestCollectAfterARun(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	j := journalIn(t, dir)
	late := one("c", Failed, "it did not")
	late.Steps[0].Evidence = evidence(`the key is top "secret", the rest is not`)
	g.Expect(j.Record(late)).To(Succeed())
	g.Expect(j.Record(one("a", Passed, ""))).To(Succeed())
	g.Expect(j.Record(one("x", Passed, ""))).To(Succeed(), "a scenario that nobody expected")
	finished := time.Now().Add(time.Minute)
	g.Expect(j.Header(Run{ID: "r1", Finished: finished, Selection: "all pages"}, Testbed{Istio: "1.31.1"})).To(Succeed())

	all := expected("a", "b", "c", "d")
	all[3].Verdict, all[3].Reason = Skipped, ""
	r, err := Collect(dir, all)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(verdicts(r)).To(Equal(map[string]Verdict{"a": Passed, "b": NotRun, "c": Failed, "d": Skipped, "x": Passed}))
	g.Expect([]string{r.Results[0].ID, r.Results[1].ID, r.Results[2].ID, r.Results[3].ID, r.Results[4].ID}).To(Equal([]string{"a", "b", "c", "d", "x"}))
	g.Expect(r.Results[1].Reason).To(Equal("the run ended without having come to it"))
	g.Expect(r.Results[3].Reason).To(Equal("it was not asked for"))
	g.Expect(r.Results[3].Steps[0].Expectations[0].Verdict).To(Equal(Skipped), "the promises of a skipped scenario are skipped")
	g.Expect(all[3].Steps[0].Verdict).To(Equal(NotRun), "what was expected is not changed")
	g.Expect(r.Run.Finished).To(BeTemporally("==", finished))
	g.Expect(r.Run.Error).To(BeEmpty())
	g.Expect(r.Testbed.Istio).To(Equal("1.31.1"), "the last header counts")
	g.Expect(r.Summary).To(Equal(Summarise(r.Results)))

	g.Expect(r.Results[2].Evidence).To(Equal("evidence/c"))
	g.Expect(r.Results[2].Steps[0].EvidenceFile).To(Equal("evidence/c/step-01.json"))
	kept, err := os.ReadFile(filepath.Join(dir, "evidence", "c", "step-01.json"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(json.Valid(kept)).To(BeTrue())
	g.Expect(string(kept)).To(And(ContainSubstring("the key is removed, the rest is not"), Not(ContainSubstring("secret"))))
}

func TestCollectAfterAKill(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	j := journalIn(t, dir)
	g.Expect(j.Record(one("egress/door/open", Passed, ""))).To(Succeed())
	g.Expect(j.Record(one("egress/door/shut", Passed, ""))).To(Succeed())
	name := filepath.Join(dir, journalName)
	raw, err := os.ReadFile(name)
	g.Expect(err).NotTo(HaveOccurred())
	whole := bytes.Count(raw, []byte("\n"))

	for cut := range len(raw) { // the machine may go down anywhere
		g.Expect(os.WriteFile(name, raw[:len(raw)-cut], 0o644)).To(Succeed())
		r, err := Collect(dir, expected("egress/door/open", "egress/door/shut"))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(r.Results).To(HaveLen(2))
		g.Expect(r.Run.Error).To(ContainSubstring("the run was killed"))
		left := bytes.Count(raw[:len(raw)-cut], []byte("\n"))
		if left < whole-1 {
			g.Expect(r.Results[0].Verdict).To(Or(Equal(NotRun), Equal(Passed)))
			g.Expect(r.Results[1].Verdict).To(Equal(NotRun))
			g.Expect(r.Results[1].Reason).To(HavePrefix("the run ended before it: the run was killed"))
		} else {
			g.Expect(r.Results[0].Verdict).To(Equal(Passed), "a whole line is not lost")
		}
		g.Expect(ExitCode(r)).To(Equal(1))
	}
}

func TestAJournalGoesOnAfterATornLine(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	g.Expect(journalIn(t, dir).Record(one("a", Passed, ""))).To(Succeed())
	name := filepath.Join(dir, journalName)
	file, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = file.WriteString(`{"at":"2026-11-20T23:10:04Z","result":{"id":"b","verd`)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(file.Close()).To(Succeed())

	again, err := OpenJournal(dir, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again.Record(one("c", Passed, ""))).To(Succeed())
	g.Expect(again.Record(one("c", Failed, "the second time it did not"))).To(Succeed())
	g.Expect(again.Close()).To(Succeed())
	r, err := Collect(dir, expected("a", "b", "c"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(verdicts(r)).To(Equal(map[string]Verdict{"a": Passed, "b": NotRun, "c": Failed}))
}

func TestATestbedThatNeverCameUpHasAReport(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	j := journalIn(t, dir)
	why := "no container engine answers; install Docker, or podman with runc"
	g.Expect(j.Header(Run{ID: "r1", Started: time.Now(), Finished: time.Now(), Error: why}, Testbed{})).To(Succeed())
	r, err := Collect(dir, expected("a", "b"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(r.Results[0].Reason).To(Equal("the run ended before it: " + why))
	g.Expect(Write(dir, r)).To(Succeed())
	for _, name := range formNames() {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(raw)).To(ContainSubstring(why), name)
	}
}

func TestAnInterruptedRunSaysSo(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	g.Expect(journalIn(t, dir).Header(Run{ID: "r1", Interrupted: true}, Testbed{})).To(Succeed())
	r, err := Collect(dir, expected("a"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(r.Results[0].Reason).To(Equal("the run was interrupted before it"))
	g.Expect(r.Run.Error).To(BeEmpty())
	g.Expect(r.Run.Finished).NotTo(BeZero())
}

func TestANewRunRemovesWhatTheLastOneLeft(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	j := journalIn(t, dir)
	r := one("a", Passed, "")
	r.Steps[0].Evidence = evidence("old")
	g.Expect(j.Record(r)).To(Succeed())
	g.Expect(Write(dir, reportOf(r))).To(Succeed())
	g.Expect(j.KeepSBOM([]byte("{}"))).To(Succeed())
	g.Expect(filepath.Join(dir, SBOMFile)).To(BeAnExistingFile())
	g.Expect(os.WriteFile(filepath.Join(dir, "mine.txt"), nil, 0o644)).To(Succeed())

	journalIn(t, dir)
	entries, err := os.ReadDir(dir)
	g.Expect(err).NotTo(HaveOccurred())
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	g.Expect(names).To(ConsistOf(journalName, "mine.txt"))
}

func TestAFolderThatIsNotOursIsLeftAlone(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	mine := filepath.Join(dir, evidenceName, "of-a-crime.txt")
	g.Expect(os.MkdirAll(filepath.Dir(mine), 0o755)).To(Succeed())
	g.Expect(os.WriteFile(mine, nil, 0o644)).To(Succeed())
	journalIn(t, dir)
	g.Expect(mine).To(BeAnExistingFile())
}

func TestWhatCannotBeRecorded(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	j := journalIn(t, dir)
	g.Expect(j.Record(one("", Passed, ""))).To(MatchError(ContainSubstring("a result has no id")))
	g.Expect(j.Record(one("a", "", ""))).To(MatchError(ContainSubstring("nobody knows")))
	outside := one("../../outside", Passed, "")
	outside.Steps[0].Evidence = evidence("x")
	g.Expect(j.Record(outside)).To(MatchError(ContainSubstring("escapes")))
	g.Expect(filepath.Join(filepath.Dir(dir), "outside")).NotTo(BeADirectory())

	_, err := Collect(t.TempDir(), nil)
	g.Expect(err).To(And(MatchError(fs.ErrNotExist), MatchError(ContainSubstring("no run has left a journal"))))
	_, err = OpenJournal(t.TempDir(), nil)
	g.Expect(err).To(MatchError(ContainSubstring("no run has left a journal")))
}

func TestAFullDisk(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	j := journalIn(t, dir)
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	g.Expect(err).NotTo(HaveOccurred())
	j.file, full = full, j.file
	g.Expect(j.Record(one("a", Passed, ""))).To(And(
		MatchError(syscall.ENOSPC), MatchError(ContainSubstring("there is no room left for the report in "+dir))))
	j.file, full = full, j.file
	g.Expect(full.Close()).To(Succeed())
	g.Expect(j.Record(one("a", Passed, ""))).To(Succeed(), "there is room again")
}

func TestAFileInTheWay(t *testing.T) {
	g, dir := NewWithT(t), t.TempDir()
	out := filepath.Join(dir, "out")
	g.Expect(os.WriteFile(out, nil, 0o644)).To(Succeed())
	_, err := CreateJournal(out, nil)
	g.Expect(err).To(MatchError(And(ContainSubstring(out+" is in the way of the report"), ContainSubstring("OUT=FOLDER"))))
	g.Expect(Write(filepath.Join(out, "deeper"), sample())).To(MatchError(ContainSubstring(out + " is in the way of the report")))
	g.Expect(unwritable(dir, &fs.PathError{Op: "open", Path: out, Err: syscall.EACCES})).To(MatchError(ContainSubstring("make the folder writable")))
}

func TestCleaned(t *testing.T) {
	key := func(texts []string) []string { return replace(texts, "key\n\"1\"", `"`) }
	for in, want := range map[string]string{
		`{"a":"key\n\"1\"","b":[1,true,null,"key"]}`: `{"a":"\"","b":[1,true,null,"key"]}`,
		`{"key\n\"1\"":"\\"}`:                        `{"\"":"\\"}`,
		`"\u006bey\n\"1\""`:                          `"\""`,
		`12`:                                         `12`,
	} {
		got, err := cleaned([]byte(in), key)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		NewWithT(t).Expect(string(got)).To(Equal(want))
	}
	_, err := cleaned([]byte(`{"a":`), key)
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("no JSON")))
	raw, err := cleaned([]byte(`"`+strings.Repeat("x", 1<<20)+`"`), nil)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(raw).To(HaveLen(1<<20 + 2))
}

// A key is split where evidence is: a log is an array of its lines. What stands beside each other in an object does not go on.
func TestCleanedSeesWhatFollowsEachOther(t *testing.T) {
	spans := func(texts []string) []string { return replace(texts, "begin|body|end", "removed||") }
	for in, want := range map[string]string{
		`{"logs":{"p":["a","begin", "body", "end","b"]}}`: `{"logs":{"p":["a","removed","","","b"]}}`,
		`["begin","body",{"x":"end"}]`:                    `["begin","body",{"x":"end"}]`,
		`{"begin":"body","end":"x"}`:                      `{"begin":"body","end":"x"}`,
		`[["begin","body","end"],"begin"]`:                `[["removed","",""],"begin"]`,
		`[]`:                                              `[]`,
	} {
		got, err := cleaned([]byte(in), spans)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		NewWithT(t).Expect(string(got)).To(Equal(want))
	}
}
