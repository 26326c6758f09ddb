package main

import (
	"bytes"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/reports"
)

func TestGateOnAMeshThatWasNotAsInstalled(t *testing.T) {
	const difference = "istiod has env PILOT_HTTP10=1 that was not installed"
	dir := t.TempDir()
	report := reports.Report{Schema: reports.Schema, Results: []*reports.Result{{ID: "a", Verdict: reports.Passed}}}
	report.Testbed.NotAsInstalled = []string{difference}
	NewWithT(t).Expect(reports.Write(dir, report)).To(Succeed())
	t.Setenv("OUT", dir)
	for name, c := range map[string]struct {
		knob, flag string
		fails      string // empty: the gate is open
		says       string
	}{
		"refused":           {fails: errReported.Error(), says: "the mesh was not as installed: " + difference + ": replay on one that is"},
		"refused, said so":  {knob: "0", fails: errReported.Error(), says: "the gate is closed"},
		"accepted":          {knob: "1", says: "note: accepted: the mesh was not as installed: " + difference},
		"accepted by flag":  {flag: "--accept-mesh", says: "the gate is open"},
		"nobody knows what": {knob: "yes", fails: "ACCEPT_MESH=yes is not known; it is 1 to accept a mesh that was not as installed, or 0"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			t.Setenv("ACCEPT_MESH", c.knob)
			cmd := gateCommand()
			args := []string{"--baseline", filepath.Join(dir, "report.json")}
			if c.flag != "" {
				args = append(args, c.flag)
			}
			var out bytes.Buffer
			cmd.SetArgs(args)
			cmd.SetOut(&out)
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			err := cmd.Execute()
			if c.fails == "" {
				g.Expect(err).NotTo(HaveOccurred())
			} else {
				g.Expect(err).To(MatchError(c.fails))
			}
			g.Expect(out.String()).To(ContainSubstring(c.says))
		})
	}
}

func TestTellDifferences(t *testing.T) {
	g := NewWithT(t)
	var out bytes.Buffer
	tellDifferences(&out, nil)
	g.Expect(out.String()).To(BeEmpty())
	tellDifferences(&out, []string{"EnvoyFilter default/x is foreign", "istiod has another image"})
	g.Expect(out.String()).To(Equal("the mesh is not as installed (`make sweep` takes back what runs left, `make down` makes room for another; `make gate` refuses a report of this one):\n" +
		"  EnvoyFilter default/x is foreign\n  istiod has another image\n"))
}
