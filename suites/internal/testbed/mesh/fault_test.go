package mesh

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// overwritten is a fault that changes what is there and adds something.
func overwritten() scenario.Fault {
	return scenario.Fault{Name: "overwritten", Files: manifests, Inject: []scenario.Change{apply("external.yaml", "two.yaml")}}
}

func (f *fakeMesh) recorded(t *testing.T) map[string]string {
	t.Helper()
	record, err := f.cluster.typed.CoreV1().ConfigMaps(controlPlane).Get(t.Context(), faultRecord, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(record.Labels).To(HaveKey(OwnerLabel), "a sweep goes by it")
	return record.Data
}

func TestInjectAndTakeBack(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t, foreign())
	undo, err := f.Inject(t.Context(), overwritten())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f.httpbin(t).Object["spec"]).To(HaveKeyWithValue("type", "ExternalName"))
	g.Expect(f.recorded(t)).To(HaveKeyWithValue(faultNameKey, "overwritten"))
	g.Expect(f.recorded(t)[faultBeforeKey]).To(MatchJSON(
		`[{"apiVersion":"v1","kind":"Service","metadata":{"name":"my-httpbin","namespace":"default"},"spec":{"type":"NodePort"}}]`))
	_, err = f.Inject(t.Context(), overwritten())
	g.Expect(err).To(MatchError(ContainSubstring("a fault of another drill is in place")))

	g.Expect(undo(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t).Object["spec"]).To(HaveKeyWithValue("type", "NodePort"))
	g.Expect(f.deleted).To(Equal([]string{"second", "first"}))
	g.Expect(f.recorded(t)).To(BeNil())
}

// A killed drill leaves its record, and the next sweep goes by it.
func TestRestoreTheFaultOfAKilledDrill(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t, foreign())
	_, err := f.Inject(t.Context(), overwritten())
	g.Expect(err).NotTo(HaveOccurred())
	restored, err := f.restoreFault(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(restored).To(Equal([]string{"Service default/my-httpbin, changed by the fault overwritten"}))
	g.Expect(f.httpbin(t).Object["spec"]).To(HaveKeyWithValue("type", "NodePort"))
	g.Expect(f.recorded(t)).NotTo(BeNil(), "it is swept with the rest")

	f = newFakeMesh(t, foreign())
	g.Expect(f.restoreFault(t.Context())).To(BeEmpty(), "no drill was killed")
}

// What could not be taken back stays recorded.
func TestAFaultThatStays(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t, foreign())
	undo, err := f.Inject(t.Context(), overwritten())
	g.Expect(err).NotTo(HaveOccurred())
	f.api.PrependReactor("update", "services", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("the server is busy")
	})
	g.Expect(undo(t.Context())).To(MatchError(And(ContainSubstring("the server is busy"), ContainSubstring("make sweep"))))
	g.Expect(f.recorded(t)).NotTo(BeNil())
}

// A fault half way is taken back as well.
func TestAFaultHalfWay(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	fault := overwritten()
	fault.Inject = []scenario.Change{apply("external.yaml"), scenario.MeshConfigAction{File: "missing.yaml"}}
	undo, err := f.Inject(t.Context(), fault)
	g.Expect(err).To(HaveOccurred())
	g.Expect(undo(t.Context())).To(Succeed())
	g.Expect(f.httpbin(t)).To(BeNil())
}

func TestWhatAFaultCannotChange(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	fault := overwritten()
	fault.Inject = []scenario.Change{scenario.RestartAction{Workload: scenario.Curl}}
	_, err := f.Inject(t.Context(), fault)
	g.Expect(err).To(MatchError(ContainSubstring("cannot be brought about by a scenario.RestartAction")))
	g.Expect(f.recorded(t)).To(BeNil())
}

func TestMergeIntoTheMeshConfiguration(t *testing.T) {
	g := NewWithT(t)
	f, now := withMeshConfig(t, meshText)
	files := fstest.MapFS{"fault.yaml": {Data: []byte("defaultConfig: {drainDuration: 1s, fileFlushInterval: null}\naccessLogEncoding: JSON\n")}}
	undo, err := f.Change(t.Context(), files, scenario.MeshConfigAction{File: "fault.yaml"}, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(withoutMark(now().Data[meshConfigKey])).To(MatchYAML(`
accessLogEncoding: JSON
accessLogFile: /dev/stdout
defaultConfig: {drainDuration: 1s}
outboundTrafficPolicy: {mode: ALLOW_ANY}
`))
	g.Expect(markIn(t, now())).To(HaveSuffix(markHostSuffix))
	g.Expect(f.pending.meshEdit).NotTo(BeNil(), "settling waits for the mark")
	f.pending = newPending()
	f.do(t, scenario.OutboundPolicyAction{Mode: scenario.RegistryOnly}) // a scenario's need meanwhile
	f.pending = newPending()
	g.Expect(undo(context.WithoutCancel(t.Context()))).To(Succeed())
	g.Expect(withoutMark(now().Data[meshConfigKey])).To(MatchYAML(`
accessLogFile: /dev/stdout
defaultConfig: {fileFlushInterval: 0.020s}
outboundTrafficPolicy: {mode: REGISTRY_ONLY}
`))
}
