package testbed

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshproof/meshproof/fixtures"
)

// ErrNoBed says that there is no testbed to adopt.
var ErrNoBed = errors.New("no testbed stands: `make up` brings one up")

// Adopt returns the testbed that stands, after having checked that it is ours, fits this version of the program, and is Ready. It
// changes nothing but the node's routes.
func Adopt(ctx context.Context, o Options) (*Bed, error) {
	b, err := newBuilder(o)
	if err != nil {
		return nil, err
	}
	if b.Engine, err = b.engineThatMade(ctx); err != nil {
		return nil, err
	}
	there, err := b.home.standing(ctx, b.Engine)
	if err != nil {
		return nil, err
	}
	if there.node == nil {
		return nil, fmt.Errorf("cluster %s: %w", b.Name, ErrNoBed)
	}
	b.node = there.node.Name
	if err := b.home.read(setFile, &b.Set); err != nil {
		return nil, fmt.Errorf("cluster %s was never finished: `make up` makes it anew: %w", b.Name, err)
	}
	if err := b.adopt(ctx); err != nil {
		return nil, fmt.Errorf("cluster %s cannot be used as it is, `make up` makes it anew: %w", b.Name, err)
	}
	return &b.Bed, nil
}

// adopt checks the cluster of ours that stands and takes it over, or says why not.
func (b *builder) adopt(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	there, err := b.home.standing(ctx, b.Engine)
	switch {
	case err != nil:
		return err
	case there.node == nil:
		return ErrNoBed
	case !there.owner.Complete:
		return errors.New("it was never finished")
	case !there.node.Running:
		return errors.New("its node is not running")
	}
	b.owner, b.Passing, b.compatibility = there.owner, !there.owner.Keep, there.owner.Compatibility
	if err := errors.Join(b.home.read(installedFile, &b.Installed), b.home.read(policiesFile, &b.unenforced)); err != nil {
		return err
	}
	if b.client, err = newClient(b.Kubeconfig); err != nil {
		return err
	}
	if err := b.fits(ctx); err != nil {
		return err
	}
	if err := b.healthy(ctx); err != nil {
		return err
	}
	b.Adopted = true
	return nil
}

// fits compares the fingerprint in the cluster with the one that a new cluster would get.
func (b *builder) fits(ctx context.Context) error {
	wanted, err := fingerprint(b.Set, b.Engine, b.compatibility)
	if err != nil {
		return err
	}
	held, err := b.client.CoreV1().ConfigMaps(kubeSystem).Get(ctx, signatureName, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("its fingerprint cannot be read: %w", err)
	}
	if changed := wanted.changes(held.Data); len(changed) > 0 {
		return fmt.Errorf("it is stale: %s changed", strings.Join(changed, ", "))
	}
	return nil
}

// healthy returns when everything in the cluster is Ready and the outside world can be reached.
func (b *builder) healthy(ctx context.Context) error {
	if err := b.client.awaitNode(ctx); err != nil {
		return err
	}
	var address netip.Addr
	wanted := partsOf(b.Set)
	err := await(ctx, b.client.pods("", ""), func(pods []*corev1.Pod) string {
		address = addressOf(pods, part{outside.Namespace, outside.Selector})
		return unready(pods, wanted)
	})
	if err != nil {
		return err
	}
	if err := b.client.trusted(ctx); err != nil {
		return err
	}
	return b.enclose(ctx, address)
}

// addressOf is the address of a part's Ready pod.
func addressOf(pods []*corev1.Pod, p part) netip.Addr {
	for _, pod := range pods {
		if p.ready(pod) {
			if address, err := netip.ParseAddr(pod.Status.PodIP); err == nil {
				return address
			}
		}
	}
	return netip.Addr{}
}

// trusted checks that the outside world's root is where curl and the gateways look for it. The cluster's own copy is the truth: nobody
// else knows the authority any more.
func (c *client) trusted(ctx context.Context) error {
	for _, namespace := range []string{pages, istioSystem} {
		held, err := c.CoreV1().ConfigMaps(namespace).Get(ctx, fixtures.TrustConfigMap, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("the outside world's root in namespace %s cannot be read: %w", namespace, err)
		}
		if held.Data[fixtures.TrustKey] == "" {
			return fmt.Errorf("the outside world's root in namespace %s is empty", namespace)
		}
	}
	return nil
}
