package mesh

import (
	"cmp"
	"context"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// meshText is a mesh configuration as somebody wrote it, with a comment and an order of its own.
const meshText = `# ours
outboundTrafficPolicy:
  mode: ALLOW_ANY
accessLogFile: /dev/stdout
defaultConfig:
  fileFlushInterval: 0.020s
`

func withMeshConfig(t *testing.T, text string) (*fakeMesh, func() *corev1.ConfigMap) {
	t.Helper()
	f := newFakeMesh(t)
	maps := f.cluster.typed.CoreV1().ConfigMaps(controlPlane)
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: meshConfigMap}, Data: map[string]string{meshConfigKey: text}}
	_, err := maps.Create(t.Context(), object, metav1.CreateOptions{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return f, func() *corev1.ConfigMap {
		now, err := maps.Get(t.Context(), meshConfigMap, metav1.GetOptions{})
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		return now
	}
}

func markIn(t *testing.T, object *corev1.ConfigMap) string {
	t.Helper()
	held, err := readMeshConfig(object.Data[meshConfigKey])
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return held.mark()
}

// An edit whose answer was lost was written all the same: the next look finds nothing to change, and settling still has to wait for it.
func TestOutboundPolicyWhoseAnswerIsLost(t *testing.T) {
	g := NewWithT(t)
	f, now := withMeshConfig(t, meshText)
	lost := false
	f.cluster.typed.(*fake.Clientset).PrependReactor("update", "configmaps", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if lost {
			return false, nil, nil
		}
		lost = true
		update := a.(clienttesting.UpdateAction)
		err := f.cluster.typed.(*fake.Clientset).Tracker().Update(update.GetResource(), update.GetObject(), update.GetNamespace())
		return true, nil, cmp.Or(err, error(apierrors.NewServerTimeout(update.GetResource().GroupResource(), "update", 1)))
	})
	undo := f.do(t, scenario.OutboundPolicyAction{Mode: scenario.RegistryOnly})
	g.Expect(markIn(t, now())).NotTo(BeEmpty())
	g.Expect(f.pending.meshEdit).NotTo(BeNil())
	g.Expect(f.pending.policy).To(Equal(scenario.RegistryOnly))
	f.pending = newPending()
	g.Expect(undo(t.Context())).To(Succeed(), "what was written is taken back")
	g.Expect(withoutMark(now().Data[meshConfigKey])).To(Equal(meshText))
}

func TestOutboundPolicy(t *testing.T) {
	g := NewWithT(t)
	f, now := withMeshConfig(t, meshText)
	undo := f.do(t, scenario.OutboundPolicyAction{Mode: scenario.RegistryOnly})
	g.Expect(withoutMark(now().Data[meshConfigKey])).To(MatchYAML(`
accessLogFile: /dev/stdout
defaultConfig: {fileFlushInterval: 0.020s}
outboundTrafficPolicy: {mode: REGISTRY_ONLY}
`))
	g.Expect(f.pending.policy).To(Equal(scenario.RegistryOnly))
	first := markIn(t, now())
	g.Expect(first).To(HaveSuffix(markHostSuffix))
	g.Expect(f.pending.meshEdit.pushes).To(Equal(uint64(7)), "the count before the edit")
	f.pending = newPending()
	g.Expect(undo(t.Context())).To(Succeed())
	g.Expect(withoutMark(now().Data[meshConfigKey])).To(Equal(meshText), "to the letter, comments included")
	g.Expect(markIn(t, now())).NotTo(Equal(first), "two edits that cancel each other out are told apart")
	g.Expect(f.pending.meshEdit).NotTo(BeNil(), "settling has to prove it")
	g.Expect(f.pending.policy).To(Equal(scenario.AllowAny))
}

func TestOutboundPolicyThatIsThere(t *testing.T) {
	g := NewWithT(t)
	f, now := withMeshConfig(t, "accessLogFile: /dev/stdout\n")
	g.Expect(f.do(t, scenario.OutboundPolicyAction{Mode: scenario.AllowAny})).To(BeNil(), "ALLOW_ANY is Istio's own default")
	g.Expect(now().Data[meshConfigKey]).To(Equal("accessLogFile: /dev/stdout\n"))
	g.Expect(f.pending.isEmpty()).To(BeTrue())
}

func TestAccessLogFile(t *testing.T) {
	g := NewWithT(t)
	f, now := withMeshConfig(t, meshText)
	undo := f.do(t, scenario.AccessLogFileAction{})
	g.Expect(now().Data[meshConfigKey]).NotTo(ContainSubstring("accessLogFile"))
	g.Expect(f.pending.logFile).To(HaveValue(Equal("")))
	f.pending = newPending()
	g.Expect(undo(t.Context())).To(Succeed())
	g.Expect(withoutMark(now().Data[meshConfigKey])).To(Equal(meshText))
}

// A run that was killed after two edits is taken back by the next one.
func TestRestoreMeshConfig(t *testing.T) {
	g := NewWithT(t)
	f, now := withMeshConfig(t, meshText)
	f.do(t, scenario.OutboundPolicyAction{Mode: scenario.RegistryOnly})
	f.pending = newPending()
	f.do(t, scenario.AccessLogFileAction{})
	f.pending = newPending()
	g.Expect(f.restoreMeshConfig(t.Context())).To(Succeed())
	g.Expect(now().Data[meshConfigKey]).To(Equal(meshText))
	g.Expect(now().Annotations).NotTo(HaveKey(beforeAnnotation))
	g.Expect(f.pending.policy).To(Equal(scenario.AllowAny), "settling has to prove it")
	g.Expect(f.pending.meshEdit).NotTo(BeNil())
	f.pending = newPending()
	g.Expect(f.restoreMeshConfig(t.Context())).To(Succeed())
	g.Expect(f.pending.isEmpty()).To(BeTrue(), "nothing was left to restore")
}

// What was edited is taken back also when nobody can tell whether it arrives.
func TestRestoreMeshConfigWithoutIstiod(t *testing.T) {
	g := NewWithT(t)
	f, now := withMeshConfig(t, meshText)
	f.do(t, scenario.OutboundPolicyAction{Mode: scenario.RegistryOnly})
	f.globalPushes = func(context.Context) (types.UID, uint64, error) { return "", 0, errIstiods }
	g.Expect(f.restoreMeshConfig(t.Context())).To(Succeed())
	g.Expect(now().Data[meshConfigKey]).To(Equal(meshText))
}

func TestBrokenMeshConfig(t *testing.T) {
	f, _ := withMeshConfig(t, "outboundTrafficPolicy: [\n")
	_, err := f.Change(t.Context(), manifests, scenario.OutboundPolicyAction{Mode: scenario.RegistryOnly}, nil)
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("read the mesh configuration")))
}
