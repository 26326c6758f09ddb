package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/reports"
)

func TestHistoryCommand(t *testing.T) {
	g := NewWithT(t)
	t.Chdir(t.TempDir())
	t.Setenv("OUT", "")
	t.Setenv("DIR", "")
	_, err := asking(t, historyCommand())
	g.Expect(err).To(MatchError("a history needs a folder of reports: DIR=FOLDER"))
	g.Expect(errors.As(err, new(usageError))).To(BeTrue(), "exit code 2")

	t.Setenv("DIR", "reports")
	run1311(g, "1", reports.Passed)
	g.Expect(os.Mkdir("reports/damaged", 0o755)).To(Succeed())
	g.Expect(os.WriteFile("reports/damaged/report.json", []byte("{"), 0o600)).To(Succeed())
	said, err := asking(t, historyCommand())
	g.Expect(err).NotTo(HaveOccurred())
	page := filepath.Join("reports", "out", "history", "history.html")
	g.Expect(said).To(And(HavePrefix("left out: damaged/report.json is no report"), HaveSuffix("history: 1 run, 0 turned red, 0 turned flaky, 0 turned green, 0 slower\nhistory: "+page+"\n")))
	g.Expect(page).To(BeARegularFile())

	t.Setenv("DIR", "reports/damaged")
	said, err = asking(t, historyCommand())
	g.Expect(err).To(MatchError(ContainSubstring("holds no report.json that tells anything")))
	g.Expect(said).To(HavePrefix("left out: report.json is no report"))
}
