package mesh

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// A Secret that pods mount reaches them by the kubelet, which looks after a pod about once a minute, and at once when the pod's object
// changes. So the pods are annotated, as whoever runs them would do. That the files are those of the Secret is then read from the pod itself.
//
// Source: https://kubernetes.io/docs/concepts/configuration/secret/#using-secrets-as-files-from-a-pod
const refreshAnnotation = "meshproof.dev/mounts"

// mountChanges are what changed in Secrets and were not yet seen in the pods that mount them.
//
// What a scenario does is proven by its next settling. What is undone after it waits for the next scenario's first change: most scenarios of a
// section begin with the same Secret, and then nothing has to be proven but that it is the same.
type mountChanges struct {
	changed map[key]*unstructured.Unstructured // nil: deleted
	gone    map[key]bool                       // deleted, and not made again since
	due     bool                               // a scenario has changed something since the last was undone
	noted   time.Time                          // when the last of them was noted
	asked   map[types.UID]time.Time            // when a pod's kubelet was last asked to look
}

func newMountChanges() mountChanges {
	return mountChanges{changed: map[key]*unstructured.Unstructured{}, gone: map[key]bool{}, asked: map[types.UID]time.Time{}}
}

func (c *mountChanges) note(k key, newest *unstructured.Unstructured) {
	c.changed[k], c.noted = newest, time.Now()
	if newest == nil {
		c.gone[k] = true
	} else {
		delete(c.gone, k)
	}
}

// patience is how long a kubelet may take before it is asked again about the same change: its own watch of the Secret may have been later than that
// of the pod.
const patience = 2 * time.Second

// duty says whose changes are made from now on: a scenario's, or those that take them back.
func (m *Mesh) duty(ofScenario bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mounts.due = ofScenario
}

// awaitMounts waits until the pods hold what is in the Secrets that they mount.
func (m *Mesh) awaitMounts(ctx context.Context) error {
	m.mu.Lock()
	due := m.mounts.due
	m.mu.Unlock()
	if !due {
		return nil
	}
	if err := until(ctx, rolloutTimeout, nil, m.refreshMounts); err != nil {
		return fmt.Errorf("the files of a mounted secret have not changed: %w", err)
	}
	return nil
}

// refreshMounts looks into the pods that mount changed Secrets and asks the kubelet of those that lag behind. It tells what the first of
// them lacks.
func (m *Mesh) refreshMounts(ctx context.Context) (string, error) {
	m.mu.Lock()
	changed := maps.Clone(m.mounts.changed)
	m.mu.Unlock()
	missing := ""
	for k, object := range changed {
		wanted, err := filesOf(object)
		if err != nil {
			return "", fmt.Errorf("%s: %w", k, err)
		}
		late, err := m.lateMount(ctx, k, wanted)
		if err != nil {
			return "", err
		}
		if late != "" {
			missing = late
			continue
		}
		m.mu.Lock()
		if m.mounts.changed[k] == object {
			delete(m.mounts.changed, k)
		}
		m.mu.Unlock()
	}
	return missing, nil
}

func (m *Mesh) lateMount(ctx context.Context, k key, wanted map[string]string) (string, error) {
	missing := ""
	for _, pod := range m.pods.where(func(pod *corev1.Pod) bool { return pod.Namespace == k.namespace && isReady(pod) }) {
		folder, err := m.lateFolder(ctx, pod, k, wanted)
		if err != nil {
			return "", err
		}
		if folder == "" {
			continue
		}
		missing = fmt.Sprintf("%s of pod %s does not show %s as it is now", folder, fullName(pod), k)
		if err := m.askKubelet(ctx, pod); err != nil {
			return "", err
		}
	}
	return missing, nil
}

// lateFolder is the folder of a pod that does not show a Secret as it is now; empty when all do. Where a pod could not do without, a kubelet
// leaves the files of a Secret that is gone.
func (m *Mesh) lateFolder(ctx context.Context, pod *corev1.Pod, k key, wanted map[string]string) (string, error) {
	for _, at := range mountsOf(pod, k.name) {
		if wanted == nil && !at.optional {
			continue
		}
		is, ok, err := m.filesIn(ctx, pod, at)
		if err != nil {
			return "", err
		}
		if ok && !maps.Equal(is, wanted) {
			return at.folder, nil
		}
	}
	return "", nil
}

// askKubelet has the kubelet look after a pod now.
func (m *Mesh) askKubelet(ctx context.Context, pod *corev1.Pod) error {
	now := time.Now()
	m.mu.Lock()
	last := m.mounts.asked[pod.UID]
	isAsked := last.After(m.mounts.noted) && now.Sub(last) < patience
	m.mu.Unlock()
	if isAsked {
		return nil
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, refreshAnnotation, now.UTC().Format(time.RFC3339Nano))
	_, err := m.cluster.typed.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: fieldManager})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("annotate pod %s, which mounts a changed secret: %w", fullName(pod), err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mounts.asked[pod.UID] = now
	return nil
}

// mount is where a container finds a Secret.
type mount struct {
	container string
	folder    string
	optional  bool
}

// mountsOf are the folders in which a pod finds a Secret. Those of single files never change, and those with names of their own for the files
// are nobody's here.
func mountsOf(pod *corev1.Pod, secret string) []mount {
	var found []mount
	for _, volume := range pod.Spec.Volumes {
		if volume.Secret == nil || volume.Secret.SecretName != secret || len(volume.Secret.Items) > 0 {
			continue
		}
		optional := volume.Secret.Optional != nil && *volume.Secret.Optional
		for i := range pod.Spec.Containers {
			c := &pod.Spec.Containers[i]
			at := slices.IndexFunc(c.VolumeMounts, func(v corev1.VolumeMount) bool {
				return v.Name == volume.Name && v.SubPath == "" && v.SubPathExpr == ""
			})
			if at >= 0 {
				found = append(found, mount{container: c.Name, folder: strings.TrimSuffix(c.VolumeMounts[at].MountPath, "/"), optional: optional})
				break
			}
		}
	}
	return found
}

// filesOf are the SHA-256 sums of the files that a Secret becomes; nil when it is deleted.
func filesOf(object *unstructured.Unstructured) (map[string]string, error) {
	if object == nil {
		return nil, nil //nolint:nilnil // no Secret, no files
	}
	data, _, err := unstructured.NestedStringMap(object.Object, "data")
	if err != nil {
		return nil, fmt.Errorf("read the content: %w", err)
	}
	files := make(map[string]string, len(data))
	for name, text := range data {
		content, err := decodeBase64(text)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		files[name] = hex.EncodeToString(sum[:])
	}
	return files, nil
}

// filesIn are the sums of the files in a folder of a pod; false where they cannot be read, for want of a shell.
func (m *Mesh) filesIn(ctx context.Context, pod *corev1.Pod, at mount) (map[string]string, bool, error) {
	ran, err := m.shells.run(ctx, pod, at.container, []string{"sh", "-c", `cd "$0" && for f in *; do [ ! -f "$f" ] || sha256sum "$f" || exit; done`, at.folder})
	switch {
	case isNoProgram(err):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case ran.exit != 0:
		return nil, false, nil
	}
	return readSums(ran.stdout), true, nil
}

// readSums reads what sha256sum prints; nil when there are no files.
func readSums(printed []byte) map[string]string {
	var files map[string]string
	for line := range bytes.Lines(printed) {
		sum, name, ok := strings.Cut(strings.TrimSpace(string(line)), "  ")
		if !ok {
			continue
		}
		if files == nil {
			files = map[string]string{}
		}
		files[name] = sum
	}
	return files
}

// servesStale are the secrets that the listeners of a proxy name whose files are gone. Envoy keeps a secret for as long as any listener names
// it, and a deleted listener finishes its connections for 45 s: a new one gets from it at once what it would have to wait for. So it counts as
// warming.
func (m *Mesh) servesStale(ctx context.Context, pod *corev1.Pod) ([]string, error) {
	m.mu.Lock()
	gone := slices.Collect(maps.Keys(m.mounts.gone))
	m.mu.Unlock()
	gone = slices.DeleteFunc(gone, func(k key) bool { return k.namespace != pod.Namespace || len(mountsOf(pod, k.name)) == 0 })
	if len(gone) == 0 {
		return nil, nil
	}
	config, err := m.query(ctx, pod, proxyconfig.DynamicListeners)
	if err != nil {
		return nil, err
	}
	return staleSecrets(config.Listeners, gone, pod), nil
}

func staleSecrets(listeners []*proxyconfig.Listener, gone []key, pod *corev1.Pod) []string {
	var named []string
	for _, listener := range listeners {
		if !listener.InForce() {
			continue
		}
		for _, chain := range listener.FilterChains {
			if chain.TLS != nil {
				named = append(named, chain.TLS.SecretNames()...)
			}
		}
	}
	var stale []string
	for _, name := range slices.Compact(slices.Sorted(slices.Values(named))) {
		if strings.HasPrefix(name, "file-") && slices.ContainsFunc(gone, func(k key) bool { return fieldsOf(name, k, pod) != nil }) {
			stale = append(stale, "secret "+name)
		}
	}
	return stale
}
