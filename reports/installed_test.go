package reports

import (
	"testing"

	. "github.com/onsi/gomega"
)

const (
	foreignFilter = "EnvoyFilter istio-system/<drill> is foreign, made 2026-11-28T14:03:05Z by kubectl-create"
	http10        = "istiod has env PILOT_HTTP10=1 that was not installed"
)

func TestNotAsInstalledNamesTheFirst(t *testing.T) {
	g := NewWithT(t)
	g.Expect(NotAsInstalled(nil)).To(BeEmpty())
	g.Expect(NotAsInstalled([]string{http10})).To(Equal("the mesh is not as installed: " + http10))
	g.Expect(NotAsInstalled([]string{http10, "a", "b", "c"})).To(Equal("the mesh is not as installed: " + http10 + "; a; and 2 more"))
}

// strange is a report about a mesh that was not as installed, on which one scenario failed.
func strange() Report {
	failed := one("a", Failed, "404")
	failed.Title = "A door"
	r := reportOf(failed, one("b", Passed, ""))
	r.Testbed.NotAsInstalled = []string{foreignFilter, http10}
	failed.NotAsInstalled = NotAsInstalled(r.Testbed.NotAsInstalled)
	return r
}

func TestAStrangeMeshIsNamedInEveryForm(t *testing.T) {
	const inMarkup = "EnvoyFilter istio-system/&lt;drill&gt; is foreign, made 2026-11-28T14:03:05Z by kubectl-create"
	for form, inFront := range map[string][]string{
		"report.json": {`"notAsInstalled": [`, `"notAsInstalled": "the mesh is not as installed: EnvoyFilter istio-system/`},
		"report.md": {
			"**The mesh was not as installed.**\n\n- " + inMarkup + "\n- istiod has env PILOT\\_HTTP10=1 that was not installed\n",
			"\n\nthe mesh is not as installed: " + inMarkup + "; istiod has env PILOT\\_HTTP10=1 that was not installed\n\n**Send a request**",
		},
		"report.html": {
			"<h2>The mesh was not as installed</h2><ul><li>" + inMarkup + "</li><li>" + http10 + "</li></ul>",
			`<p class="reason">the mesh is not as installed: ` + inMarkup + "; " + http10 + "</p>",
			`<p class="reason"><strong>failed</strong>: the mesh is not as installed: ` + inMarkup + "; " + http10 + ". 404</p>",
		},
		"junit.xml": {
			`<property name="not as installed" value="` + inMarkup + `"`,
			`<failure message="the mesh is not as installed: ` + inMarkup + "; " + http10 + `. 404" type="failed"><![CDATA[the mesh is not as installed: `,
		},
	} {
		t.Run(form, func(t *testing.T) {
			g := NewWithT(t)
			for _, f := range forms() {
				if f.Name != form {
					continue
				}
				got, err := f.Render(strange())
				g.Expect(err).NotTo(HaveOccurred())
				for _, text := range inFront {
					g.Expect(string(got)).To(ContainSubstring(text))
				}
				return
			}
			t.Errorf("there is no form %s", form)
		})
	}
}

func TestAStrangeMeshInTheFinalLines(t *testing.T) {
	lead := "the mesh is not as installed: " + foreignFilter + "; " + http10
	NewWithT(t).Expect(FinalLines(strange())).To(Equal([]string{"failed: a: " + lead + ". 404", lead, "e2e: 1 passed, 1 failed, 0 skipped"}))
}

func TestTheGateRefusesAStrangeMesh(t *testing.T) {
	g := NewWithT(t)
	report := reportOf(one("a", Passed, ""))
	report.Testbed.NotAsInstalled = []string{http10, "a"}
	g.Expect(Gate(report, nil, GateOptions{}).Blockers).To(Equal([]string{
		"the mesh was not as installed: " + http10 + "; a: replay on one that is (`make sweep` for what runs left, else `make down`), or accept it with ACCEPT_MESH=1",
	}))
	accepted := Gate(report, nil, GateOptions{AcceptMesh: true})
	g.Expect(accepted.Open()).To(BeTrue())
	g.Expect(accepted.Notes).To(Equal([]string{"accepted: the mesh was not as installed: " + http10 + "; a"}))
	g.Expect(Gate(reportOf(one("a", Passed, "")), nil, GateOptions{}).Open()).To(BeTrue())
}
