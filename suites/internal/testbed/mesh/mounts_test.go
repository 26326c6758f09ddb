package mesh

import (
	"encoding/base64"
	"maps"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

func mountingPod() *corev1.Pod {
	optional := true
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "gateway-1", UID: "1"},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{
				{Name: "logger"},
				{Name: "istio-proxy", VolumeMounts: []corev1.VolumeMount{
					{Name: "certs", MountPath: "/etc/istio/certs/"}, {Name: "ca", MountPath: "/etc/istio/ca"}, {Name: "one", MountPath: "/etc/one", SubPath: "x"},
				}},
			},
			Volumes: []corev1.Volume{
				{Name: "certs", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "web-certs", Optional: &optional}}},
				{Name: "ca", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "web-ca"}}},
				{Name: "one", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "web-one"}}},
				{Name: "renamed", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "web-ca", Items: []corev1.KeyToPath{{Key: "a", Path: "b"}}}}},
				{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
			},
		},
	}
}

func TestMountsOf(t *testing.T) {
	g := NewWithT(t)
	pod := mountingPod()
	g.Expect(mountsOf(pod, "web-certs")).To(ConsistOf(mount{container: "istio-proxy", folder: "/etc/istio/certs", optional: true}))
	g.Expect(mountsOf(pod, "web-ca")).To(ConsistOf(mount{container: "istio-proxy", folder: "/etc/istio/ca"}))
	g.Expect(mountsOf(pod, "web-one")).To(BeEmpty(), "the mount of a single file never changes")
	g.Expect(mountsOf(pod, "nobody's")).To(BeEmpty())
}

// What a Secret becomes and what sha256sum prints of it are the same.
func TestFilesOfAndSums(t *testing.T) {
	g := NewWithT(t)
	secret := &unstructured.Unstructured{Object: map[string]any{"data": map[string]any{
		"tls.crt": base64.StdEncoding.EncodeToString([]byte("certificate")), "tls.key": base64.StdEncoding.EncodeToString([]byte("key")),
	}}}
	files, err := filesOf(secret)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(files).To(Equal(readSums([]byte("" +
		"03d66dd08835c1ca3f128cceacd1f31ac94163096b20f445ae84285bc0832d72  tls.crt\n" +
		"2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683  tls.key\n"))))
	gone, err := filesOf(nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(gone).To(Equal(readSums(nil)))
	_, err = filesOf(&unstructured.Unstructured{Object: map[string]any{"data": map[string]any{"x": "%"}}})
	g.Expect(err).To(HaveOccurred())
}

// A kubelet is asked once about a change, and again when it took its time.
func TestAskKubelet(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	pod := mountingPod()
	pods := f.cluster.typed.CoreV1().Pods(pod.Namespace)
	g.Expect(f.askKubelet(t.Context(), pod)).To(Succeed(), "a pod that went meanwhile needs nothing")
	_, err := pods.Create(t.Context(), pod, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())

	asked := func() string {
		now, err := pods.Get(t.Context(), pod.Name, metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		return now.Annotations[refreshAnnotation]
	}
	f.mounts = newMountChanges()
	g.Expect(f.askKubelet(t.Context(), pod)).To(Succeed())
	first := asked()
	g.Expect(first).NotTo(BeEmpty())
	g.Expect(f.askKubelet(t.Context(), pod)).To(Succeed())
	g.Expect(asked()).To(Equal(first))
	f.mounts.asked[pod.UID] = f.mounts.asked[pod.UID].Add(-patience)
	g.Expect(f.askKubelet(t.Context(), pod)).To(Succeed())
	second := asked()
	g.Expect(second).NotTo(Equal(first))
	f.mounts.note(key{kind: secretKind, namespace: pod.Namespace, name: "web-certs"}, nil)
	g.Expect(f.askKubelet(t.Context(), pod)).To(Succeed())
	g.Expect(asked()).NotTo(Equal(second), "a newer change is asked about at once")
}

// What is undone is proven when the next scenario changes something.
func TestMountsAreDueForAScenario(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	secret := key{kind: secretKind, namespace: "istio-system", name: "web-certs"}
	f.duty(true)
	f.note(secret, nil)
	f.duty(false)
	g.Expect(f.awaitMounts(t.Context())).To(Succeed())
	g.Expect(f.mounts.changed).To(HaveKey(secret))
}

func TestFieldsOf(t *testing.T) {
	k := key{kind: secretKind, namespace: "istio-system", name: "web-certs"}
	for name, want := range map[string][]string{
		"kubernetes://web-certs":                                      {"tls.crt", "cert"},
		"kubernetes://istio-system/web-certs":                         {"tls.crt", "cert"},
		"kubernetes://other":                                          nil,
		"file-cert:/etc/istio/certs/tls.crt~/etc/istio/certs/tls.key": {"tls.crt"},
		"file-cert:/etc/istio/other/tls.crt~/etc/istio/other/tls.key": nil,
		"file-root:/etc/istio/certs/ca.crt":                           {"ca.crt"},
		"default":                                                     nil,
	} {
		NewWithT(t).Expect(fieldsOf(name, k, mountingPod())).To(Equal(want), name)
	}
	k.namespace = "default"
	NewWithT(t).Expect(fieldsOf("file-root:/etc/istio/certs/ca.crt", k, mountingPod())).To(BeNil())
}

func TestSecretMissingIn(t *testing.T) {
	g := NewWithT(t)
	certificate := []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	secret := &unstructured.Unstructured{Object: map[string]any{"data": map[string]any{"tls.crt": base64.StdEncoding.EncodeToString(certificate)}}}
	k := key{kind: secretKind, namespace: "istio-system", name: "web-certs"}
	same, ok := leafOf(secret, []string{"tls.crt"})
	g.Expect(ok).To(BeTrue())
	holding := func(fingerprint string, state proxyconfig.State) proxyState {
		return proxyState{pod: mountingPod(), secrets: []*proxyconfig.Secret{{
			Resource:     proxyconfig.Resource{Name: "file-cert:/etc/istio/certs/tls.crt~/etc/istio/certs/tls.key", State: state},
			Certificates: []proxyconfig.Certificate{{Fingerprint: fingerprint}},
		}}}
	}
	g.Expect(secretMissingIn(holding(same, proxyconfig.Active), k, secret)).To(BeEmpty())
	g.Expect(secretMissingIn(holding("other", proxyconfig.Active), k, secret)).To(ContainSubstring("still holds the former certificate of Secret istio-system/web-certs"))
	g.Expect(secretMissingIn(holding("other", proxyconfig.Warming), k, secret)).To(BeEmpty())
	g.Expect(secretMissingIn(holding("other", proxyconfig.Active), k, nil)).To(BeEmpty(), "Envoy keeps it")
}

// A listener in force that names files of a Secret that is gone has them from a listener of before.
func TestStaleSecrets(t *testing.T) {
	g := NewWithT(t)
	const name = "file-cert:/etc/istio/certs/tls.crt~/etc/istio/certs/tls.key"
	listener := func(state proxyconfig.State, secret string) *proxyconfig.Listener {
		return &proxyconfig.Listener{
			Resource:     proxyconfig.Resource{State: state},
			FilterChains: []*proxyconfig.FilterChain{{}, {TLS: &proxyconfig.TLS{Certificates: []proxyconfig.SecretRef{{Name: secret}}}}},
		}
	}
	f := newFakeMesh(t)
	secret := key{kind: secretKind, namespace: "istio-system", name: "web-certs"}
	stale := func(listeners ...*proxyconfig.Listener) []string {
		return staleSecrets(listeners, slices.Collect(maps.Keys(f.mounts.gone)), mountingPod())
	}
	g.Expect(stale(listener(proxyconfig.Active, name))).To(BeEmpty(), "nothing is gone")
	f.note(secret, nil)
	g.Expect(stale(listener(proxyconfig.Active, name))).To(ConsistOf("secret " + name))
	g.Expect(stale(listener(proxyconfig.Draining, name))).To(BeEmpty())
	g.Expect(stale(listener(proxyconfig.Active, "kubernetes://web-certs"))).To(BeEmpty(), "istiod has it, not the pod")
	f.note(secret, &unstructured.Unstructured{})
	g.Expect(stale(listener(proxyconfig.Active, name))).To(BeEmpty())
}
