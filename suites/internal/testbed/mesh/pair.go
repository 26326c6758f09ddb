package mesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshproof/meshproof/fixtures"
)

// pair is two who ask the same server. The one, a pod, a NetworkPolicy can hold; the other none can, and shows that the server answers all the while.
// So a network that enforces policies is told from one that does not, and a policy shows by what it does that it is in force.
type pair struct {
	held, free    func(ctx context.Context) (reached bool, err error)
	hold, release func(ctx context.Context) error
}

// provingLimit is how long a policy may take until it is in force. kindnet gathers changes for a second at least.
const provingLimit = 15 * time.Second

// errNotHeld says that a policy had no effect.
var errNotHeld = errors.New("a pod that a NetworkPolicy isolates goes on reaching others")

// prove holds the pod and waits until it reaches nobody. It takes the policy away again, and that of an earlier proof that was cut off.
func (p pair) prove(ctx context.Context, limit time.Duration) (err error) {
	if err := p.release(ctx); err != nil {
		return err
	}
	if err := p.awaitBoth(ctx, limit); err != nil {
		return err
	}
	defer func() {
		tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
		defer cancel()
		err = errors.Join(err, p.release(tidy))
	}()
	if err := p.hold(ctx); err != nil {
		return err
	}
	waited := until(ctx, limit, nil, p.isHeld)
	if waited != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", errNotHeld, waited)
	}
	return waited
}

// awaitBoth waits until both reach the server.
func (p pair) awaitBoth(ctx context.Context, limit time.Duration) error {
	err := until(ctx, limit, nil, func(ctx context.Context) (string, error) {
		if reached, err := p.free(ctx); err != nil || !reached {
			return "the server does not answer", err
		}
		if reached, err := p.held(ctx); err != nil || !reached {
			return "the pod does not reach the server", err
		}
		return "", nil
	})
	if err != nil {
		return fmt.Errorf("without a NetworkPolicy: %w", err)
	}
	return nil
}

// isHeld tells what speaks against it that the policy is in force. A request that fails may merely be late: two have to, and between them the server has
// to answer the other one.
func (p pair) isHeld(ctx context.Context) (string, error) {
	if reached, err := p.held(ctx); err != nil || reached {
		return "it reaches the server", err
	}
	if reached, err := p.free(ctx); err != nil || !reached {
		return "the server answers nobody", err
	}
	if reached, err := p.held(ctx); err != nil || reached {
		return "it reaches the server now and then", err
	}
	return "", nil
}

// ProvePolicies tells whether the cluster's network enforces NetworkPolicies within a limit: nil, or why not. The pod of fixtures.PolicyProbe is Ready.
func ProvePolicies(ctx context.Context, kubeconfig string, limit time.Duration) error {
	c, err := openCluster(kubeconfig, nil)
	if err != nil {
		return err
	}
	p := c.pair(func(ctx context.Context, command []string) (output, error) {
		pod, err := c.readyPod(ctx, fixtures.PolicyProbe.Selector)
		if err != nil {
			return output{}, err
		}
		return c.exec(ctx, pod, fixtures.PolicyProbe.Container, command)
	})
	if err := p.prove(ctx, limit); err != nil {
		return err
	}
	return p.awaitBoth(ctx, limit) // it was the policy that held it
}

// pair are the pod of fixtures.PolicyProbe and the API server, which no policy is about, because it is in the network of the node. Both ask the cluster's
// DNS whether it is well: a server that every cluster has. run is how a command is run in the pod.
//
// Source: https://coredns.io/plugins/health/
func (c *cluster) pair(run func(ctx context.Context, command []string) (output, error)) pair {
	const port, path = "8080", "/health"
	asks := func(ask func(ctx context.Context, dns *corev1.Pod) (bool, error)) func(context.Context) (bool, error) {
		return func(ctx context.Context) (bool, error) {
			dns, err := c.readyPod(ctx, "k8s-app=kube-dns")
			if errors.Is(err, errNoPod) {
				return false, nil // it is replaced: nobody reaches it for a moment
			}
			if err != nil {
				return false, err
			}
			return ask(ctx, dns)
		}
	}
	policies := c.typed.NetworkingV1().NetworkPolicies(metav1.NamespaceSystem)
	return pair{
		held: asks(func(ctx context.Context, dns *corev1.Pod) (bool, error) {
			ran, err := run(ctx, []string{
				"curl", "-s", "-o", "/dev/null", "--connect-timeout", "0.5", "-m", "2", "http://" + net.JoinHostPort(dns.Status.PodIP, port) + path,
			})
			if err != nil {
				return false, err
			}
			return reachedBy(ran)
		}),
		free: asks(func(ctx context.Context, dns *corev1.Pod) (bool, error) {
			_, err := c.typed.CoreV1().Pods(dns.Namespace).ProxyGet("http", dns.Name, port, path, nil).DoRaw(ctx)
			return err == nil, ctx.Err() // whatever else it says, the server did not answer
		}),
		hold: func(ctx context.Context) error {
			if _, err := policies.Create(ctx, isolation(), metav1.CreateOptions{FieldManager: fieldManager}); err != nil {
				return fmt.Errorf("write the NetworkPolicy of the probe: %w", err)
			}
			return nil
		},
		release: func(ctx context.Context) error {
			if err := policies.Delete(ctx, isolation().Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
				return fmt.Errorf("remove the NetworkPolicy of the probe: %w", err)
			}
			return nil
		},
	}
}

// reachedBy reads how curl ended; whatever is neither an answer nor a refusal on the way says nothing.
//
// Source: https://curl.se/docs/manpage.html#EXIT
func reachedBy(ran output) (bool, error) {
	const couldNotConnect, timedOut = 7, 28
	switch ran.exit {
	case 0:
		return true, nil
	case couldNotConnect, timedOut:
		return false, nil
	}
	return false, fmt.Errorf("curl in the probe's pod ended with %d: %s", ran.exit, ran.stderr)
}

// isolation lets the probe's pod reach nobody.
func isolation() *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: fixtures.PolicyProbe.Name},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": fixtures.PolicyProbe.Name}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeEgress},
		},
	}
}

// readyPod is a Ready pod of kube-system.
func (c *cluster) readyPod(ctx context.Context, selector string) (*corev1.Pod, error) {
	all, err := c.typed.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, fmt.Errorf("list the pods %s: %w", selector, err)
	}
	for i := range all.Items {
		if pod := &all.Items[i]; isReady(pod) && pod.DeletionTimestamp == nil {
			return pod, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", selector, errNoPod)
}
