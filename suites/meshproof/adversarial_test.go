package main

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/redact"
	"github.com/meshproof/meshproof/suites/internal/replay"
)

// hostile is what a site may send to whoever reads a report: nothing of it may be obeyed, and no secret in it may be kept.
type hostile struct {
	key, token string
	commands   string // of a terminal: clear the screen, set the title, fill the clipboard, the same in one byte, overwrite the line, turn the direction
	html       string
	header     string // a megabyte
}

func newHostile() hostile {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return hostile{
		key:      string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE " + "KEY", Bytes: []byte(strings.Repeat("a secret", 40))})),
		token:    part(`{"alg":"none"}`) + "." + part(`{"sub":"a stranger","scope":"everything"}`) + "." + part("a signature"),
		commands: "\x1b[2J\x1b]0;owned\a\x1b]52;c;aWQ=\x1b\\\u009b31m failed\rpassed \u202egnitide",
		html:     `<script>alert(1)</script><img src=x onerror=alert(1)>` + "\n```\n</code></pre><h1>passed</h1>\n| a | b |\n",
		header:   strings.Repeat("x", 1<<20),
	}
}

func (h hostile) body() string {
	return h.commands + "\n" + h.html + "\n" + h.key + "\n" + h.token + "\n"
}

// evidence is the attempt of a curl that was answered so. Everything but the answer is of a recorded one.
func (h hostile) evidence(t *testing.T) probe.Evidence {
	t.Helper()
	g := NewWithT(t)
	text, err := os.ReadFile("../internal/probe/testdata/curl-8.23.0.json")
	g.Expect(err).NotTo(HaveOccurred())
	var all map[string]struct{ Stdout, Stderr string }
	g.Expect(json.Unmarshal(text, &all)).To(Succeed())
	said := all["headers"]
	trailer := said.Stdout[strings.LastIndex(said.Stdout, "\n--- meshproof "):]
	status, rest, found := strings.Cut(said.Stderr, "< HTTP/1.1 200 OK\r\n")
	g.Expect(found).To(BeTrue())
	headers := "< X-Commands: " + strings.NewReplacer("\r", "").Replace(h.commands) + "\r\n< X-Html: " + strings.ReplaceAll(h.html, "\n", " ") +
		"\r\n< X-Token: " + h.token + "\r\n< X-Large: " + h.header + "\r\n"
	e, err := probe.ParseCurl([]byte(h.body()+trailer), []byte(status+"< HTTP/1.1 200 OK\r\n"+headers+rest), 0)
	g.Expect(err).NotTo(HaveOccurred())
	// A log whose lines a site could choose: a key over many of them, and a line that looks like another proxy's.
	var lines []probe.LogLine
	for line := range strings.Lines(h.key + h.commands + "\n") {
		lines = append(lines, probe.Parse(line, ""))
	}
	e.Logs = map[probe.Peer][]probe.LogLine{{Namespace: "default", Workload: "curl"}: lines}
	return e
}

// result is a scenario that failed, with the answer wherever a run puts one.
func (h hostile) result(t *testing.T) *reports.Result {
	t.Helper()
	raw, err := json.Marshal(h.evidence(t))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	got := "Expected\n    " + h.body() + "\nX-Large: " + h.header
	return &reports.Result{
		ID: "egress/hostile/answer", Page: "hostile", Title: "A site answers", Verdict: reports.Failed, Reason: h.body(), Again: "make e2e",
		Leaks: []string{h.body()},
		Steps: []*reports.StepResult{{
			Says: "Ask it", Verdict: reports.Failed, Command: "curl http://x/", Answer: h.body(), Error: h.body(), Evidence: raw,
			Expectations: []*reports.ExpectationResult{{Says: "it answers", Origin: "documented", Verdict: reports.Failed, Got: got, Reason: h.body()}},
		}},
	}
}

// harmless asserts that a text can be shown, and holds no secret.
func (h hostile) harmless(t *testing.T, name, text string) {
	t.Helper()
	g := NewWithT(t)
	for _, r := range text {
		if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r >= 0x7f && r < 0xa0 || r == '\u202e' {
			t.Fatalf("%s has the control character %U", name, r)
		}
	}
	g.Expect(strings.ReplaceAll(text, "\r\n", "")).NotTo(ContainSubstring("\r"), name)
	secret := strings.Split(h.key, "\n")[2]
	g.Expect(strings.Contains(text, secret) || strings.Contains(text, secret[:40])).To(BeFalse(), "the key is in "+name)
	g.Expect(strings.Contains(text, strings.Split(h.token, ".")[1])).To(BeFalse(), "the token is in "+name)
	g.Expect(len(text)).To(BeNumerically("<", 16<<20), name)
}

// outsideFences is Markdown without its blocks of code, in which nothing means anything but the end of the block.
func outsideFences(text string) string {
	var out strings.Builder
	fence := ""
	for line := range strings.Lines(text) {
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence == "" && len(ticks) >= 3:
			fence = ticks
		case fence == "":
			out.WriteString(line)
		case len(ticks) >= len(fence) && strings.TrimSpace(line) == ticks:
			fence = ""
		}
	}
	return out.String()
}

func TestAHostileAnswer(t *testing.T) {
	g := NewWithT(t)
	started := time.Now()
	h := newHostile()
	out := t.TempDir()
	journal, err := reports.CreateJournal(out, redact.Texts)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(journal.Header(reports.Run{ID: "r", Started: started, Error: h.body()}, reports.Testbed{})).To(Succeed())
	g.Expect(journal.Record(h.result(t))).To(Succeed())
	g.Expect(journal.Close()).To(Succeed())
	mutants, err := reports.CreateLog[reports.Mutant](out, reports.MutantsFile, redact.Texts)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(mutants.Record(reports.Mutant{ID: "a", Verdict: reports.Failed, NoticedBy: h.body() + h.header})).To(Succeed())
	g.Expect(mutants.Close()).To(Succeed())
	drills, err := reports.CreateLog[reports.Drill](out, reports.DrillsFile, redact.Texts)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(drills.Record(reports.Drill{Fault: "a", By: h.body(), Reason: h.body()})).To(Succeed())
	g.Expect(drills.Close()).To(Succeed())

	report, err := reports.Collect(out, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(reports.Write(out, report)).To(Succeed())
	all, err := reports.ReadLog[reports.Drill](out, reports.DrillsFile)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(reports.WriteDrills(out, reports.Drills{Drills: all})).To(Succeed())
	noticed, err := reports.ReadLog[reports.Mutant](out, reports.MutantsFile)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.WriteFile(filepath.Join(out, "mutants.md"), []byte(reports.MutantsTable(noticed)), 0o644)).To(Succeed())

	var terminal strings.Builder
	w := redact.NewWriter(&terminal)
	_, err = w.Write([]byte(replay.Explain(h.result(t)) + strings.Join(reports.FinalLines(report), "\n")))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.Flush()).To(Succeed())
	h.harmless(t, "the terminal", terminal.String())

	files := 0
	g.Expect(filepath.WalkDir(out, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		h.harmless(t, path, string(text))
		shown := string(text)
		if filepath.Ext(path) == ".md" {
			shown = outsideFences(shown)
		}
		if filepath.Ext(path) == ".html" || filepath.Ext(path) == ".md" {
			g.Expect(strings.Contains(shown, "<script>alert") || strings.Contains(shown, "<img src=x")).To(BeFalse(), path)
		}
		return err
	})).To(Succeed())
	g.Expect(files).To(BeNumerically(">=", 12))
	g.Expect(time.Since(started)).To(BeNumerically("<", 20*time.Second), "nothing of it takes long")
}
