package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"testing/fstest"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

var (
	services       = corev1.SchemeGroupVersion.WithResource("services")
	serviceEntries = schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: "serviceentries"}
)

// fakeMesh is a mesh on a make-believe API server.
type fakeMesh struct {
	*Mesh
	api     *dynamicfake.FakeDynamicClient
	deleted []string
	refuse  error // of every apply
	lose    error // instead of the answer to an apply that was carried out
	updates int
}

func newFakeMesh(t *testing.T, existing ...runtime.Object) *fakeMesh {
	t.Helper()
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Service"), meta.RESTScopeNamespace)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("ConfigMap"), meta.RESTScopeNamespace)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Namespace"), meta.RESTScopeRoot)
	mapper.AddSpecific(serviceEntries.GroupVersion().WithKind("ServiceEntry"), serviceEntries,
		serviceEntries.GroupVersion().WithResource("serviceentry"), meta.RESTScopeNamespace)
	api := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		services: "ServiceList", serviceEntries: "ServiceEntryList", corev1.SchemeGroupVersion.WithResource("namespaces"): "NamespaceList",
	}, existing...)
	f := &fakeMesh{api: api, Mesh: &Mesh{
		options: Options{RunID: "run-7"}, pending: newPending(), mounts: newMountChanges(), ofScenario: map[key]bool{}, sites: map[string]string{}, tolerated: map[tolerance]int{},
		successors: map[types.UID]types.UID{}, spared: map[key]bool{}, marked: map[string]bool{}, changed: map[key]bool{}, policies: map[key]bool{},
		cluster:      &cluster{typed: fake.NewClientset(), dynamic: api, mapper: mapper},
		globalPushes: func(context.Context) (types.UID, uint64, error) { return "istiod", 7, nil },
	}}
	api.PrependReactor("patch", "*", f.apply)
	api.PrependReactor("delete", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		f.deleted = append(f.deleted, a.(clienttesting.DeleteAction).GetName())
		return false, nil, nil
	})
	return f
}

// apply is what server-side apply does where one manager owns every field.
func (f *fakeMesh) apply(action clienttesting.Action) (done bool, answer runtime.Object, err error) {
	patch := action.(clienttesting.PatchAction)
	if patch.GetPatchType() != types.ApplyPatchType {
		return false, nil, nil
	}
	if f.refuse != nil {
		return true, nil, f.refuse
	}
	object := &unstructured.Unstructured{}
	if err := json.Unmarshal(patch.GetPatch(), &object.Object); err != nil {
		return true, nil, err
	}
	object.SetNamespace(patch.GetNamespace())
	if f.lose != nil {
		defer func() { done, answer, err = true, nil, f.lose }()
	}
	_, err = f.api.Tracker().Get(patch.GetResource(), patch.GetNamespace(), patch.GetName())
	if apierrors.IsNotFound(err) {
		object.SetUID(types.UID("new-" + patch.GetName()))
		object.SetResourceVersion("1")
		return true, object, f.api.Tracker().Create(patch.GetResource(), object, patch.GetNamespace())
	}
	object.SetUID(types.UID("old-" + patch.GetName()))
	f.updates++
	object.SetResourceVersion(strconv.Itoa(1 + f.updates))
	return true, object, f.api.Tracker().Update(patch.GetResource(), object, patch.GetNamespace())
}

// httpbin is the service of that name, nil when it is not there.
func (f *fakeMesh) httpbin(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	object, err := f.api.Resource(services).Namespace("default").Get(t.Context(), "my-httpbin", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return object
}

// foreign is my-httpbin as somebody else made it.
func foreign() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Service",
		"metadata": map[string]any{"name": "my-httpbin", "namespace": "default", "uid": "old-my-httpbin", "resourceVersion": "1"},
		"spec":     map[string]any{"type": "NodePort"},
	}}
}

var manifests = fstest.MapFS{
	"external.yaml": {Data: []byte("apiVersion: v1\nkind: Service\nmetadata: {name: my-httpbin}\nspec: {type: ExternalName}\n")},
	"local.yaml":    {Data: []byte("apiVersion: v1\nkind: Service\nmetadata: {name: my-httpbin}\nspec: {type: ClusterIP}\n")},
	"two.yaml":      {Data: []byte("apiVersion: v1\nkind: Service\nmetadata: {name: first}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: second}\n")},
	"unknown.yaml":  {Data: []byte("apiVersion: example.com/v1\nkind: Toaster\nmetadata: {name: mine}\n")},
}

// do makes a change and returns how to take it back.
func (f *fakeMesh) do(t *testing.T, c scenario.Change) scenario.Undo {
	t.Helper()
	undo, err := f.Change(t.Context(), manifests, c, nil)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return undo
}

func apply(files ...string) scenario.Change { return scenario.ApplyAction{Files: files} }

func remove(files ...string) scenario.Change { return scenario.DeleteAction{Files: files} }

func TestApplyAndTakeBack(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	first := f.do(t, apply("external.yaml"))
	g.Expect(f.httpbin(t).GetLabels()).To(HaveKeyWithValue(OwnerLabel, "run-7"))
	second := f.do(t, apply("local.yaml"))
	g.Expect(f.httpbin(t).Object["spec"]).To(HaveKeyWithValue("type", "ClusterIP"))

	g.Expect(second(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t).Object["spec"]).To(HaveKeyWithValue("type", "ExternalName"), "what was overwritten is restored")
	g.Expect(first(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t)).To(BeNil(), "what was created is deleted")
}

// What a scenario makes, changes and deletes does not come back.
func TestTakeBackWhatIsGone(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	first := f.do(t, apply("external.yaml"))
	second := f.do(t, apply("local.yaml"))
	third, err := f.Change(t.Context(), manifests, remove("local.yaml"), nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(third).To(BeNil(), "the deletion of what the scenario made has nothing to take back")
	g.Expect(second(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t)).To(BeNil())
	g.Expect(first(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t)).To(BeNil())
}

// Somebody else's object keeps its labels: a sweep goes by ours.
func TestApplyOverAForeignObject(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t, foreign())
	undo := f.do(t, apply("external.yaml"))
	g.Expect(f.httpbin(t).GetLabels()).NotTo(HaveKey(OwnerLabel))
	g.Expect(undo(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t).Object["spec"]).To(HaveKeyWithValue("type", "NodePort"))
}

func TestTakeBackInReverse(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	undo := f.do(t, apply("two.yaml", "external.yaml"))
	g.Expect(undo(t.Context())).To(Succeed())
	g.Expect(f.deleted).To(Equal([]string{"my-httpbin", "second", "first"}))
}

// One undo that fails does not keep the others from being tried.
func TestTakeBackGoesOn(t *testing.T) {
	g := NewWithT(t)
	var done []int
	broken := errors.New("the server is busy")
	step := func(n int, err error) scenario.Undo {
		return func(context.Context) error {
			done = append(done, n)
			return err
		}
	}
	c := &change{undo: []scenario.Undo{step(1, nil), step(2, broken), step(3, nil)}}
	g.Expect(c.takeBack(t.Context())).To(MatchError(broken))
	g.Expect(done).To(Equal([]int{3, 2, 1}))
}

func TestHalfWay(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	undo, err := f.Change(t.Context(), manifests, apply("external.yaml", "missing.yaml"), nil)
	g.Expect(err).To(HaveOccurred())
	g.Expect(undo(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t)).To(BeNil(), "what was done before the error is taken back")
}

// The answer to an apply is lost after it was carried out: an interrupt, a connection that broke.
func TestLostAnswer(t *testing.T) {
	for name, existing := range map[string][]runtime.Object{"created": nil, "overwritten": {foreign()}} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			f := newFakeMesh(t, existing...)
			before := f.httpbin(t)
			f.lose = context.DeadlineExceeded
			undo, err := f.Change(t.Context(), manifests, apply("external.yaml"), nil)
			g.Expect(err).To(MatchError(context.DeadlineExceeded))
			g.Expect(f.httpbin(t).Object["spec"]).To(HaveKeyWithValue("type", "ExternalName"))
			f.lose = nil
			g.Expect(undo(t.Context())).To(Succeed())
			if before == nil {
				g.Expect(f.httpbin(t)).To(BeNil())
				return
			}
			g.Expect(f.httpbin(t).Object["spec"]).To(Equal(before.Object["spec"]))
		})
	}
}

func TestRefusals(t *testing.T) {
	toaster := schema.GroupResource{Resource: "services"}
	for _, tc := range []struct {
		name     string
		file     string
		refuse   error
		rejected bool
	}{
		{name: "invalid", file: "external.yaml", refuse: apierrors.NewInvalid(schema.GroupKind{Kind: "Service"}, "my-httpbin", nil), rejected: true},
		{name: "denied by a webhook", file: "external.yaml", refuse: apierrors.NewForbidden(toaster, "my-httpbin", errors.New("denied")), rejected: true},
		{name: "no such namespace", file: "external.yaml", refuse: apierrors.NewNotFound(toaster, "default"), rejected: true},
		{name: "no such kind", file: "unknown.yaml", rejected: true},
		{name: "the webhook does not answer", file: "external.yaml", refuse: apierrors.NewInternalError(errors.New("failed calling webhook"))},
		{name: "the server is busy", file: "external.yaml", refuse: apierrors.NewTooManyRequests("wait", 1)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := NewWithT(t)
			f := newFakeMesh(t)
			f.refuse = tc.refuse
			_, err := f.Change(t.Context(), manifests, apply(tc.file), nil)
			var rejected *scenario.RejectedError
			g.Expect(errors.As(err, &rejected)).To(Equal(tc.rejected), "%v", err)
			if tc.rejected {
				g.Expect(rejected.File).To(Equal(tc.file))
			}
		})
	}
}

func TestDelete(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t, foreign())
	undo := f.do(t, remove("external.yaml"))
	g.Expect(f.httpbin(t)).To(BeNil())
	g.Expect(undo(t.Context())).To(Succeed())
	restored := f.httpbin(t)
	g.Expect(restored.Object["spec"]).To(HaveKeyWithValue("type", "NodePort"), "it was there before the scenario")

	_, err := f.Change(t.Context(), manifests, remove("two.yaml"), nil)
	var rejected *scenario.RejectedError
	g.Expect(errors.As(err, &rejected)).To(BeTrue(), "kubectl would exit with 1: %v", err)
	g.Expect(err).To(MatchError(`kubectl delete: the API server rejected Service default/first: services "first" not found`))
	g.Expect(f.do(t, scenario.DeleteAction{Files: []string{"two.yaml"}, IgnoreNotFound: true})).To(BeNil(), "nothing to take back")
}

// What Ensure made, a scenario deleted and its undo restored is another object by then, and still Ensure's to remove.
func TestWhatIsMadeAnewIsStillOurs(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t, foreign())
	ours := f.httpbin(t)
	where, err := f.locate(ours, "")
	g.Expect(err).NotTo(HaveOccurred())
	f.fixtures = []made{{target: where, uid: "of the first"}}
	ours.SetUID("of the first")
	g.Expect(f.restore(t.Context(), where, ours)).To(Succeed())
	g.Expect(f.Release(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t)).To(BeNil())
}

// What the scenario made itself and deleted does not come back: the undo of its making finds nothing to do.
func TestDeleteOfTheScenariosOwn(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	made := f.do(t, apply("external.yaml"))
	g.Expect(f.do(t, remove("external.yaml"))).To(BeNil())
	g.Expect(made(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t)).To(BeNil())
}

// Deleted, then made anew by the scenario: both are taken back, and the former object is there again.
func TestDeleteAndMakeAnew(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t, foreign())
	deleted := f.do(t, remove("external.yaml"))
	made := f.do(t, apply("external.yaml"))
	g.Expect(made(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t)).To(BeNil())
	g.Expect(deleted(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t).Object["spec"]).To(HaveKeyWithValue("type", "NodePort"))
}

func TestLabelPatches(t *testing.T) {
	g := NewWithT(t)
	patch, back := labelPatches(map[string]string{"a": "1", "b": "2"}, map[string]string{"a": "3", "b": "", "c": "4"})
	g.Expect(patch).To(MatchJSON(`{"metadata":{"labels":{"a":"3","b":null,"c":"4"}}}`))
	g.Expect(back).To(MatchJSON(`{"metadata":{"labels":{"a":"1","b":"2","c":null}}}`))
}

func TestChangesArePending(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	g.Expect(f.pending.isEmpty()).To(BeTrue())
	undo := f.do(t, apply("external.yaml"))
	k := key{kind: serviceKind, namespace: "default", name: "my-httpbin"}
	g.Expect(f.pending.newest).To(HaveKeyWithValue(k, Not(BeNil())))
	g.Expect(undo(t.Context())).To(Succeed())
	g.Expect(f.pending.newest).To(HaveKeyWithValue(k, BeNil()), "settling has to prove that it is gone")
}
