package mesh

import (
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// What stands is made once, stays while it is needed, and is gone with the first scenario that needs another thing, or nothing.
func TestStanding(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	need := scenario.StandingNeed{Name: "the service", Files: manifests, Changes: []scenario.Change{apply("external.yaml")}}
	g.Expect(f.setUp(t.Context(), &need)).To(Succeed())
	g.Expect(f.takeDown(t.Context(), &need)).To(Succeed())
	g.Expect(f.stand(t.Context(), &need)).To(Succeed(), "it stands")
	g.Expect(f.httpbin(t)).NotTo(BeNil())
	g.Expect(f.ofScenario).To(BeEmpty(), "a scenario that deletes it has to bring it back")
	g.Expect(f.standing.undo).To(HaveLen(1))
	g.Expect(f.takeDown(t.Context(), &scenario.StandingNeed{Name: "another"})).To(Succeed())
	g.Expect(f.httpbin(t)).To(BeNil())
	g.Expect(f.takeDown(t.Context(), nil)).To(Succeed(), "nothing stands")
}

// What cannot be set up is not left half made.
func TestStandingHalfMade(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	need := scenario.StandingNeed{Name: "two", Files: manifests, Changes: []scenario.Change{apply("external.yaml"), apply("unknown.yaml")}}
	g.Expect(f.setUp(t.Context(), &need)).To(MatchError(ContainSubstring("set up two: ")))
	g.Expect(f.httpbin(t)).To(BeNil())
	g.Expect(f.standing.name).To(BeEmpty())
}

// What the last scenario deletes does not come back, and what it changed is brought to what it was before anything stood.
func TestStandingEnds(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t, foreign())
	need := scenario.StandingNeed{Name: "both", Files: manifests, Changes: []scenario.Change{apply("external.yaml"), apply("two.yaml")}}
	f.coming = &scenario.Coming{After: []scenario.Need{need}}
	g.Expect(f.setUp(t.Context(), &need)).To(Succeed())
	g.Expect(f.ends()).To(BeFalse(), "another scenario needs it")
	g.Expect(f.TakeDown(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t).Object["spec"]).To(HaveKeyWithValue("type", "ExternalName"))

	f.coming = &scenario.Coming{}
	deleted := f.do(t, remove("two.yaml"))
	changed := f.do(t, apply("local.yaml"))
	f.deleted = nil
	g.Expect(changed(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t).Object["spec"]).To(HaveKeyWithValue("type", "ClusterIP"), "not twice")
	g.Expect(deleted(t.Context())).To(Succeed())
	g.Expect(f.TakeDown(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t).Object["spec"]).To(HaveKeyWithValue("type", "NodePort"), "it was somebody else's")
	_, err := f.api.Resource(services).Namespace("default").Get(t.Context(), "first", metav1.GetOptions{})
	g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "it is not made again: %v", err)
}

// For any but the last scenario what it deletes comes back, as another object, which is taken down in its turn.
func TestStandingDeletedAndBack(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	need := scenario.StandingNeed{Name: "the service", Files: manifests, Changes: []scenario.Change{apply("external.yaml")}}
	g.Expect(f.setUp(t.Context(), &need)).To(Succeed())
	g.Expect(f.do(t, remove("external.yaml"))(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t)).NotTo(BeNil())
	g.Expect(f.takeDown(t.Context(), nil)).To(Succeed())
	g.Expect(f.httpbin(t)).To(BeNil())
}

// What a scenario leaves is no longer its own, and is taken down with the undo that came with it.
func TestLeave(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	undo := f.do(t, apply("external.yaml"))
	f.pending, f.began, f.last = newPending(), &snapshot{}, &snapshot{generation: f.generation}
	after, err := f.Leave(t.Context(), "the service", []scenario.Undo{undo})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(after).To(BeIdenticalTo(f.last))
	g.Expect(f.standing.before).To(BeIdenticalTo(f.began))
	g.Expect(f.standing.changed).To(HaveLen(1))
	g.Expect(f.ofScenario).To(BeEmpty())
	g.Expect(f.takeDown(t.Context(), &scenario.StandingNeed{Name: "the service"})).To(Succeed())
	g.Expect(f.httpbin(t)).NotTo(BeNil(), "the next scenario needs it")
	g.Expect(f.takeDown(t.Context(), nil)).To(Succeed())
	g.Expect(f.httpbin(t)).To(BeNil())
}

func TestRebase(t *testing.T) {
	type state = map[string]string
	same := func(a, b string) bool { return a == b }
	for name, c := range map[string]struct{ before, after, now, want state }{
		"made":                     {nil, state{"a": "1"}, state{"a": "1"}, state{}},
		"made, and changed since":  {nil, state{"a": "1"}, state{"a": "2"}, state{}},
		"changed":                  {state{"a": "0"}, state{"a": "1"}, state{"a": "1"}, state{"a": "0"}},
		"removed":                  {state{"a": "0"}, nil, nil, state{"a": "0"}},
		"not touched":              {state{"a": "0"}, state{"a": "0"}, state{"a": "0"}, state{"a": "0"}},
		"changed since":            {state{"a": "0"}, state{"a": "0"}, state{"a": "2"}, state{"a": "2"}},
		"changed, and again since": {state{"a": "0"}, state{"a": "1"}, state{"a": "2"}, state{"a": "2"}},
		"came since":               {nil, nil, state{"a": "2"}, state{"a": "2"}},
		"went since":               {state{"a": "0"}, state{"a": "0"}, nil, state{}},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(rebase(c.before, c.after, c.now, same)).To(Equal(c.want))
		})
	}
}
