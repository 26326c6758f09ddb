package mesh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/scenario"
	"github.com/meshproof/meshproof/suites/internal/testbed/arrival"
)

// Options says which mesh and for whom.
type Options struct {
	Kubeconfig string // file; the user's own is never looked at
	RunID      string // on the owner label of everything that is made
	// Capabilities tells what this testbed lacks and why, in one sentence; the empty text is a capability that it has.
	// One that is not named at all counts as missing.
	Capabilities map[scenario.Capability]string
	Running      Running             // what the mesh has said of its versions
	Workloads    []fixtures.Workload // what WorkloadNeeds may name; nil: fixtures.Workloads
	Manifests    fs.FS               // the files the workloads name; nil: fixtures.Manifests()
	Keep         bool                // Close leaves the workloads and the installation for the next run
	Istioctl     string              // the program, for the pages that run it
	OperatorFile string              // the IstioOperator that the mesh was installed from
}

// Mesh is a running mesh. It carries out one thing at a time: scenarios run one after another.
type Mesh struct {
	options Options
	cluster *cluster
	pods    *podWatch
	tunnels *tunnels
	istiod  *istiod
	// observer says which push holds a change; prepared tells that what it looks out for can be written.
	observer *arrival.Observer
	prepared bool
	// globalPushes counts the proxies that istiod has pushed a new mesh configuration.
	globalPushes func(context.Context) (types.UID, uint64, error)
	incidents    *incidents
	logs         *logBook
	shells       *shells
	fences       fencer
	stop         context.CancelFunc

	mu         sync.Mutex
	pending    *pendingChanges
	mounts     mountChanges
	generation uint64       // grows with every change, so that a snapshot knows whether it is still true
	ofScenario map[key]bool // what a scenario has created and not taken back
	fixtures   []made
	successors map[types.UID]types.UID // of objects that were deleted and restored
	usesSites  bool                    // what the scenario under way needs: they tell what arrived
	sites      map[string]string       // by host: why it cannot be used, empty when it can
	last       *snapshot
	warned     []string
	tolerated  map[tolerance]int // what may stay warming, and how many changes said so
	late       []lateRestart
	installed  []string     // the options on top of the original installation
	original   installation // where another is needed: the one before, and what differs
	rejected   float64      // updates that proxies had refused when the run began
	standing   standing
	marked     map[string]bool  // by command: whether its lines could be told apart the last time
	coming     *scenario.Coming // nil: nothing is known
	policies   map[key]bool     // the NetworkPolicies that were written and not deleted since
	changed    map[key]bool     // since the scenario began, or since something is being set up that is to stand
	began      *snapshot        // the state when the scenario began
	ahead      map[key]bool     // what belongs to workloads of the next page that are started while the scenario under way is replayed
	spared     map[key]bool     // workloads that the scenario under way has deleted and that nobody needs any more: whether they are made anew all the same
}

// made is an object that Ensure created.
type made struct {
	target target
	uid    types.UID
}

// Connect reaches the API server, takes note of every pod, and follows the log of every proxy. ctx bounds the connecting only;
// Close ends what was started.
func Connect(ctx context.Context, options Options) (*Mesh, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, connectTimeout, fmt.Errorf("no answer within %s", connectTimeout))
	defer cancel()
	if options.RunID == "" {
		return nil, errors.New("a mesh needs the id of the run: it is on the owner label of everything that is made")
	}
	if options.Workloads == nil {
		options.Workloads = fixtures.Workloads
	}
	if options.Manifests == nil {
		options.Manifests = fixtures.Manifests()
	}
	noticed := &incidents{}
	cluster, err := openCluster(options.Kubeconfig, noticed.watched)
	if err != nil {
		return nil, err
	}
	noticed.client = cluster.typed
	living, stop := context.WithCancel(context.WithoutCancel(ctx))
	m := &Mesh{
		options: options, cluster: cluster, incidents: noticed, tunnels: newTunnels(cluster), stop: stop,
		pending: newPending(), mounts: newMountChanges(), ofScenario: map[key]bool{}, sites: map[string]string{}, tolerated: map[tolerance]int{},
		successors: map[types.UID]types.UID{}, spared: map[key]bool{}, marked: map[string]bool{}, changed: map[key]bool{}, policies: map[key]bool{},
	}
	noticed.told = m.outdate
	m.logs, m.shells = newLogBook(living, cluster.typed), newShells(living, cluster)
	if m.pods, err = watchPods(ctx, cluster.typed, m.sawPod); err != nil {
		stop()
		return nil, err
	}
	m.istiod = &istiod{tunnels: m.tunnels, pods: m.pods}
	m.globalPushes = m.istiod.globalPushes
	if m.observer, err = arrival.Observe(living, m.dialIstiod); err != nil {
		m.shutDown()
		return nil, err
	}
	if err := m.start(ctx); err != nil {
		m.shutDown()
		return nil, err
	}
	return m, nil
}

// start takes the readings that the end of the run is compared with.
func (m *Mesh) start(ctx context.Context) error {
	if _, err := m.istiod.replicas(); err != nil {
		return err
	}
	if err := m.restoreMeshConfig(ctx); err != nil { // a killed run may have left its policy
		return err
	}
	rejected, err := m.rejects(ctx)
	if err != nil {
		return fmt.Errorf("read the state of the mesh: %w", err)
	}
	m.rejected = rejected
	return nil
}

// sawPod follows the log of every proxy as soon as it has one, and takes note of what nobody asked for.
func (m *Mesh) sawPod(before, after *corev1.Pod) {
	m.incidents.saw(before, after)
	if after != nil {
		m.logs.saw(after)
	}
}

// Close takes back what Ensure did (what stands, the installation, policy, and workloads unless they go with the cluster), and ends everything that
// was started. Call it also after an interrupt, with a context of its own.
func (m *Mesh) Close(ctx context.Context) error {
	errs := []error{m.takeDown(ctx, nil)}
	if !m.options.Keep {
		errs = append(errs, m.restoreInstallation(ctx))
	}
	errs = append(errs, m.restoreMeshConfig(ctx))
	if !m.options.Keep {
		errs = append(errs, m.Release(ctx))
	}
	errs = append(errs, m.removeMark(ctx))
	m.shutDown()
	return errors.Join(errs...)
}

func (m *Mesh) shutDown() {
	if m.observer != nil {
		m.observer.Close()
	}
	m.shells.close()
	m.stop()
	m.pods.stop()
	m.logs.wait()
	m.tunnels.forget(func(types.UID) bool { return false })
}

// Release removes the workloads and namespaces that Ensure created, the newest first; the namespaces at last and all at once, because each
// takes Kubernetes more than 5 s.
func (m *Mesh) Release(ctx context.Context) error {
	m.mu.Lock()
	fixtures := m.fixtures
	m.fixtures = nil
	m.mu.Unlock()
	var errs []error
	var namespaces []made
	for _, f := range slices.Backward(fixtures) {
		if f.target.key.kind == namespaceKind {
			namespaces = append(namespaces, f)
			continue
		}
		errs = append(errs, m.remove(ctx, f.target, f.uid))
	}
	left := make([]error, len(namespaces))
	_ = eachIndexed(namespaces, func(i int, f *made) error {
		left[i] = m.remove(ctx, f.target, f.uid)
		return nil // what the others say is told as well
	})
	return errors.Join(append(errs, left...)...)
}

// Has tells whether the testbed has a capability; why not, if not.
func (m *Mesh) Has(c scenario.Capability) (bool, string) {
	why, named := m.options.Capabilities[c]
	if !named {
		return false, fmt.Sprintf("the testbed does not say whether it has the capability %q", c)
	}
	return why == "", why
}

// Runs is the version of a component in its own words; several where not all of its programs are of one.
func (m *Mesh) Runs(c scenario.Component) string {
	said := m.options.Running
	switch c {
	case scenario.Istio:
		return Versions(slices.Concat(said.Istiod, said.Agents))
	case scenario.Envoy:
		return Versions(said.Envoys)
	case scenario.Kubernetes:
		return Versions(said.Kubernetes)
	}
	return ""
}

// Warnings are what the API server remarked on the changes of this run, each once.
func (m *Mesh) Warnings() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.warned)
}

func (m *Mesh) remember(warned *warnings) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, text := range warned.list() {
		if !slices.Contains(m.warned, text) {
			m.warned = append(m.warned, text)
		}
	}
}

// note keeps the newest state of an object for the next settling; nil when it is deleted.
func (m *Mesh) note(k key, newest *unstructured.Unstructured) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending.note(k, newest)
	if k.kind == secretKind {
		m.mounts.note(k, newest)
	}
	if k.kind == networkPolicyKind && newest != nil {
		m.policies[k] = true
	} else {
		delete(m.policies, k)
	}
	m.changed[k] = true
	m.generation++
}

// claim remembers that a scenario made an object.
func (m *Mesh) claim(k key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ofScenario[k] = true
}

// disclaim forgets an object that is gone; it tells whether the scenario had made it.
func (m *Mesh) disclaim(k key) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.ofScenario[k]
	delete(m.ofScenario, k)
	return was
}

func (m *Mesh) isOfScenario(k key) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ofScenario[k]
}

// now is the number of changes made so far.
func (m *Mesh) now() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.generation
}
