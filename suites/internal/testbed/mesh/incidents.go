package mesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// incidents are what happens to the testbed without anybody's asking: pods that vanish, containers that restart, an API server that does not answer.
type incidents struct {
	client kubernetes.Interface
	told   func() // of each

	mu     sync.Mutex
	all    []scenario.Incident
	outage time.Time // when the API server was missed last

	// checks is locked for reading by each that is under way. A sync.WaitGroup must not begin anew while it is waited for, and pods do not ask.
	checks sync.RWMutex
}

const (
	// oneOutage is how long the API server may answer again within one outage: what watches is told later than what asks.
	oneOutage = 5 * time.Second
	// wholeTimeout is how long a testbed may take to be whole again: kubelet waits up to 80 s for an API server that was killed three times.
	wholeTimeout = 2 * time.Minute
)

func (i *incidents) add(at time.Time, format string, args ...any) {
	i.mu.Lock()
	i.all = append(i.all, scenario.Incident{At: at, What: fmt.Sprintf(format, args...)})
	i.mu.Unlock()
	if i.told != nil {
		i.told()
	}
}

// since are the incidents that were noticed from then on, the oldest first.
func (i *incidents) since(index int) []scenario.Incident {
	i.checks.Lock()
	defer i.checks.Unlock()
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.all[min(index, len(i.all)):])
}

// saw takes note of what became of a pod; after is nil where it is gone.
func (i *incidents) saw(before, after *corev1.Pod) {
	switch {
	case before == nil:
	case after == nil && before.DeletionTimestamp == nil, after != nil && before.DeletionTimestamp == nil && after.DeletionTimestamp != nil:
		i.checks.RLock()
		go func() {
			defer i.checks.RUnlock()
			i.vanished(before, time.Now())
		}()
	case after != nil:
		i.restarted(before, after)
	}
}

// restarted takes note of the containers that run for another time.
func (i *incidents) restarted(before, after *corev1.Pod) {
	former := map[string]int32{}
	for _, s := range statuses(before) {
		former[s.Name] = s.RestartCount
	}
	for _, s := range statuses(after) {
		if count, known := former[s.Name]; !known || s.RestartCount <= count {
			continue
		}
		at, why := time.Now(), ""
		if ended := s.LastTerminationState.Terminated; ended != nil {
			at, why = ended.FinishedAt.Time, fmt.Sprintf(" (%s, exit code %d)", ended.Reason, ended.ExitCode)
		}
		i.add(at, "container %s of pod %s restarted%s", s.Name, fullName(after), why)
	}
}

// vanished takes note of a pod that goes although its ReplicaSet wants it: a roll-out scales the ReplicaSet down first, and what is deleted on purpose
// has no ReplicaSet that stays.
func (i *incidents) vanished(pod *corev1.Pod, at time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout) //nolint:forbidigo // the watch that tells of pods has none
	defer cancel()
	owner := metav1.GetControllerOf(pod)
	if owner == nil || owner.Kind != "ReplicaSet" {
		return
	}
	set, err := i.client.AppsV1().ReplicaSets(pod.Namespace).Get(ctx, owner.Name, metav1.GetOptions{})
	if err != nil {
		if !apierrors.IsNotFound(err) {
			i.add(at, "pod %s went, and whether it should could not be asked: %s", fullName(pod), err)
		}
		return
	}
	if set.UID != owner.UID || !i.stays(ctx, set) {
		return
	}
	i.add(at, "pod %s was deleted, and not by a roll-out", fullName(pod))
}

// stays tells whether a ReplicaSet wants pods, and nobody has deleted it with its Deployment or its namespace.
func (i *incidents) stays(ctx context.Context, set *appsv1.ReplicaSet) bool {
	if set.DeletionTimestamp != nil || set.Spec.Replicas == nil || *set.Spec.Replicas == 0 {
		return false
	}
	if owner := metav1.GetControllerOf(set); owner != nil {
		deployment, err := i.client.AppsV1().Deployments(set.Namespace).Get(ctx, owner.Name, metav1.GetOptions{})
		if err != nil || deployment.DeletionTimestamp != nil {
			return false
		}
	}
	namespace, err := i.client.CoreV1().Namespaces().Get(ctx, set.Namespace, metav1.GetOptions{})
	return err == nil && namespace.DeletionTimestamp == nil
}

// missed takes note of an API server that does not answer, once per outage.
func (i *incidents) missed(err error) {
	i.mu.Lock()
	goesOn := time.Since(i.outage) < oneOutage
	i.outage = time.Now()
	i.mu.Unlock()
	if !goesOn {
		i.add(time.Now(), "the API server did not answer: %s", err)
	}
}

// watched is the way to an API server on which its silence is noted.
func (i *incidents) watched(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		if isOutage(err) && request.Context().Err() == nil {
			i.missed(err)
		}
		return response, err
	})
}

// isOutage tells of connections that could not be made or broke; an upgrade that is refused, because a pod is gone, is an answer.
func isOutage(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// Incidents are what has happened to the testbed without anybody's asking, but for the first ones, which are known.
func (m *Mesh) Incidents(known int) []scenario.Incident { return m.incidents.since(known) }

// Whole returns when the API server answers and every pod that a Deployment wants is available. The error of a timeout is the last thing that was
// missing.
func (m *Mesh) Whole(ctx context.Context) error {
	err := until(ctx, wholeTimeout, m.pods.next, func(ctx context.Context) (string, error) {
		if _, err := m.cluster.typed.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
			return "the API server is not ready: " + err.Error(), nil //nolint:nilerr // it is what is waited for
		}
		deployments, err := m.cluster.typed.AppsV1().Deployments(metav1.NamespaceAll).List(ctx, latest)
		if err != nil {
			return "the deployments cannot be listed: " + err.Error(), nil //nolint:nilerr // the same
		}
		for _, deployment := range deployments.Items {
			text := unreadyDeployment(&deployment)
			if text == "" { // its status may be older than what happened
				text = m.unreadyPods(probe.Peer{Namespace: deployment.Namespace, Workload: deployment.Name}, wantedReplicas(&deployment))
			}
			if text != "" {
				return "workload " + deployment.Namespace + "/" + deployment.Name + ": " + text, nil
			}
		}
		return "", nil
	})
	if err != nil {
		return fmt.Errorf("the testbed is not whole: %w", err)
	}
	m.outdate()
	return nil
}

// outdate makes the last reading of the cluster count no longer: it is not as it was then.
func (m *Mesh) outdate() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.generation++
}
