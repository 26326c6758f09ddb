package engine_test

import (
	"os"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// found is a fake engine of that name whose ps and inspect answer as given.
func found(t *testing.T, name, inspect string) (e *engine.Engine, calls string) {
	t.Helper()
	body := map[string]string{"docker": docker, "podman": podman}[name]
	answers := `case "$1 $2" in
"ps -a") echo abc; echo def; exit ;;
"inspect --type") printf '` + inspect + `'; exit ;;
esac
`
	calls = scripts(t, map[string]string{name: answers + body})
	e, err := engine.Finder{Folder: t.TempDir(), Host: everything()}.Find(t.Context(), name)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return e, calls
}

func TestNodes(t *testing.T) {
	created := time.Date(2026, 11, 20, 23, 29, 57, 127299596, time.UTC)
	for name, inspect := range map[string]string{
		"docker": `/one-control-plane\tabc\t2026-11-20T23:29:57.127299596Z\ttrue\n/two-control-plane\tdef\t2026-11-20T23:29:57.127299596Z\tfalse\n`,
		"podman": `one-control-plane\tabc\t2026-11-20 23:29:57.127299596 +0000 UTC\ttrue\ntwo-control-plane\tdef\t2026-11-20 23:29:57.127299596 +0000 UTC\tfalse\n`,
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			e, calls := found(t, name, inspect)
			nodes, err := e.Nodes(t.Context(), "one")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(nodes).To(Equal([]engine.Node{
				{Name: "one-control-plane", ID: "abc", Created: created, Running: true},
				{Name: "two-control-plane", ID: "def", Created: created},
			}))
			g.Expect(e.Kill(t.Context(), nodes)).To(Succeed())
			text, err := os.ReadFile(calls)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(text)).To(HaveSuffix(name+" kill abc\n"), "only what runs")
			g.Expect(string(text)).To(ContainSubstring("label=io.x-k8s.kind.cluster=one\n"))

			before := len(text)
			g.Expect(e.Kill(t.Context(), nodes[1:])).To(Succeed())
			text, err = os.ReadFile(calls)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(text).To(HaveLen(before), "nothing runs, nothing is called")
		})
	}
}

func TestNodesThatCannotBeRead(t *testing.T) {
	for name, inspect := range map[string]string{"too little": `one\tabc\n`, "no time": `one\tabc\tyesterday\ttrue\n`} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			e, _ := found(t, "podman", inspect)
			_, err := e.Nodes(t.Context(), "one")
			g.Expect(err).To(MatchError(ContainSubstring("the engine describes a node as")))
		})
	}
}

func TestExec(t *testing.T) {
	g := NewWithT(t)
	e, calls := found(t, "podman", "")
	_, err := e.Exec(t.Context(), "one-control-plane", "ip", "route")
	g.Expect(err).NotTo(HaveOccurred())
	text, err := os.ReadFile(calls)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(HaveSuffix("podman exec one-control-plane ip route\n"))
}
