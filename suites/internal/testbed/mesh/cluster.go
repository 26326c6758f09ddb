package mesh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/transport"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

const (
	// fieldManager owns what is applied.
	fieldManager = "meshproof"
	// OwnerLabel is on every object made here; its value is the id of the run that made it.
	OwnerLabel = "meshproof.dev/run"
	// defaultNamespace is where a page's objects go that name no namespace.
	defaultNamespace = "default"
)

// cluster holds the clients of one API server.
type cluster struct {
	config  *rest.Config
	typed   kubernetes.Interface
	dynamic dynamic.Interface
	kinds   discovery.CachedDiscoveryInterface
	mapper  meta.RESTMapper
}

// openCluster reads a kubeconfig of our own; the user's is never looked at. wrap is put around the way to the API server.
func openCluster(kubeconfig string, wrap transport.WrapperFunc) (*cluster, error) {
	if kubeconfig == "" {
		return nil, errors.New("no kubeconfig was named: give the one that `make up` wrote")
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig %s: %w", kubeconfig, err)
	}
	config.QPS = -1 // the harness is alone on the cluster, and every request of it is waited for
	config.UserAgent = fieldManager
	config.WarningHandlerWithContext = warningHandler{}
	config.Wrap(wrap)
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster of %s: %w", kubeconfig, err)
	}
	untyped, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster of %s: %w", kubeconfig, err)
	}
	kinds := memory.NewMemCacheClient(typed.Discovery())
	// The mapper looks again by itself when it misses a kind: one may have come since.
	mapper := restmapper.NewShortcutExpander(restmapper.NewDeferredDiscoveryRESTMapper(kinds), kinds, nil)
	return &cluster{config: config, typed: typed, dynamic: untyped, kinds: kinds, mapper: mapper}, nil
}

// mappingOf finds a kind of a manifest.
func (c *cluster) mappingOf(kind schema.GroupVersionKind) (*meta.RESTMapping, error) {
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, fmt.Errorf("find the kind %s: %w", kind.GroupKind(), err)
	}
	return mapping, nil
}

// mappingFor finds a resource the way kubectl does: singular, plural, short, or with its group.
func (c *cluster) mappingFor(resource string) (*meta.RESTMapping, error) {
	full, short := schema.ParseResourceArg(strings.ToLower(resource))
	wanted := short.WithVersion("")
	if full != nil {
		if kind, err := c.mapper.KindFor(*full); err == nil {
			return c.mappingOf(kind)
		}
	}
	kind, err := c.mapper.KindFor(wanted)
	if err != nil {
		return nil, fmt.Errorf("find the resource %q: %w", resource, err)
	}
	return c.mappingOf(kind)
}

// client is the dynamic client for a mapping; the namespace is left out where the kind has none.
func (c *cluster) client(mapping *meta.RESTMapping, namespace string) dynamic.ResourceInterface {
	resources := c.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return resources.Namespace(namespace)
	}
	return resources
}

// key names one object, whatever the version it was written in.
type key struct {
	kind            schema.GroupKind
	namespace, name string
}

// String is "Service default/my-httpbin", or "Namespace outside" for what lives in none.
func (k key) String() string {
	if k.namespace == "" {
		return k.kind.Kind + " " + k.name
	}
	return k.kind.Kind + " " + k.namespace + "/" + k.name
}

// workload is what a key of a workload names.
func (k key) workload() probe.Peer { return probe.Peer{Namespace: k.namespace, Workload: k.name} }

// deploymentOf is the key of a workload's Deployment.
func deploymentOf(workload probe.Peer) key {
	return key{kind: deploymentKind, namespace: workload.Namespace, name: workload.Workload}
}

// isWorkloadOf tells whether a key of a workload is what is needed.
func (k key) isWorkloadOf(need scenario.WorkloadNeed) bool {
	return need.Peer.Namespace == k.namespace && need.Peer.Workload == k.name
}

func keyOf(object *unstructured.Unstructured) key {
	return key{kind: object.GroupVersionKind().GroupKind(), namespace: object.GetNamespace(), name: object.GetName()}
}

// undeclaredField is how a server-side apply words a field that the kind's schema does not have; its status is 500, as if it were a fault.
//
// Source: sigs.k8s.io/structured-merge-diff, package typed.
const undeclaredField = "field not declared in schema"

// isRefusal tells the API server's (or a webhook's) answer to a manifest from a fault on the way to it.
func isRefusal(err error) bool {
	if meta.IsNoMatchError(err) || strings.Contains(err.Error(), undeclaredField) {
		return true
	}
	refusals := []func(error) bool{
		apierrors.IsInvalid, apierrors.IsBadRequest, apierrors.IsForbidden, apierrors.IsNotFound, apierrors.IsMethodNotSupported,
		apierrors.IsAlreadyExists, apierrors.IsRequestEntityTooLargeError, apierrors.IsNotAcceptable, apierrors.IsUnsupportedMediaType,
	}
	return slices.ContainsFunc(refusals, func(is func(error) bool) bool { return is(err) })
}

// isPassing tells faults of the API server, and of istiod while it is replaced, that a moment later may be over: a watch or a wait goes on.
func isPassing(err error) bool {
	return errors.Is(err, errIstiods) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
}

// warnings are what the API server remarks on requests: deprecated kinds, fields that do nothing.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

type warningsKey struct{}

// collectWarnings gives the requests made with the returned context somewhere to leave their warnings.
func collectWarnings(ctx context.Context) (context.Context, *warnings) {
	collected := &warnings{}
	return context.WithValue(ctx, warningsKey{}, collected), collected
}

func (w *warnings) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.texts, text) {
		w.texts = append(w.texts, text)
	}
}

func (w *warnings) list() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.texts)
}

// warningHandler hands a warning to whoever asked for it by collectWarnings; nobody else is told.
type warningHandler struct{}

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext. Kubernetes uses code 299 only.
func (warningHandler) HandleWarningHeaderWithContext(ctx context.Context, code int, _, text string) {
	const miscellaneous = 299 // RFC 7234, section 5.5.7
	if collected, asked := ctx.Value(warningsKey{}).(*warnings); asked && code == miscellaneous && text != "" {
		collected.add(text)
	}
}
