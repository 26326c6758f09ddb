package testbed

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshproof/meshproof/fixtures"
)

// The workloads that belong to every testbed.
var (
	outside  = fixtures.Internet
	source   = fixtures.Curl
	policies = fixtures.NetworkPolicy // where the network of the node enforces none
	trial    = fixtures.PolicyProbe   // shows whether any are enforced
)

// deadMetric is the metric of the routes that lead nowhere: worse than any other, so that they count only while the outside world is down.
const deadMetric = "4096"

// raiseOutside brings the outside world up: nothing to the sites' addresses may leave the machine, not even before their pod is there.
func (b *builder) raiseOutside(ctx context.Context) error {
	if err := b.enclose(ctx, netip.Addr{}); err != nil {
		return err
	}
	if err := b.applyOutside(ctx); err != nil {
		return err
	}
	address, err := b.client.outsideAddress(ctx)
	if err != nil {
		return err
	}
	return b.route(ctx, address)
}

func (b *builder) applyOutside(ctx context.Context) error {
	config, err := fixtures.SiteConfig(fixtures.Sites)
	if err != nil {
		return err
	}
	if err := b.client.applyObject(ctx, "", namespace(outside.Namespace, map[string]string{"istio-injection": "disabled"})); err != nil {
		return err
	}
	err = errors.Join(
		b.client.applyObject(ctx, "", configMap(outside.Namespace, fixtures.SiteConfigMap, map[string]string{fixtures.SiteConfigKey: string(config)})),
		b.client.applyObject(ctx, "", secret(outside.Namespace, fixtures.SiteCertificates, b.identities.secrets)),
	)
	if err != nil {
		return err
	}
	return b.client.applyWorkload(ctx, outside.Namespace, outside)
}

// applyWorkload applies all manifests of a workload.
func (c *client) applyWorkload(ctx context.Context, namespace string, w fixtures.Workload) error {
	for _, file := range w.Manifests {
		text, err := fixtures.Manifest(file)
		if err != nil {
			return err
		}
		if err := c.apply(ctx, namespace, text); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// outsideAddress waits for the outside world's pod to have an address.
func (c *client) outsideAddress(ctx context.Context) (netip.Addr, error) {
	var address netip.Addr
	err := await(ctx, c.pods(outside.Namespace, outside.Selector), func(pods []*corev1.Pod) string {
		for _, pod := range pods {
			if parsed, err := netip.ParseAddr(pod.Status.PodIP); err == nil && pod.DeletionTimestamp == nil {
				address = parsed
				return ""
			}
		}
		return "the outside world's pod has no address yet"
	})
	return address, err
}

// route leads the sites' addresses to the outside world's pod, and to nowhere where there is none (the zero address): whatever
// happens to the pod, the machine's own default route is never taken. What goes there keeps its pod's own address, which the network of the
// node would hide behind its own: a site is to tell who asked.
func (b *Bed) route(ctx context.Context, pod netip.Addr) error {
	var script strings.Builder
	for _, sites := range fixtures.Ranges {
		fmt.Fprintf(&script, "ip route replace unreachable %s metric %s\n", sites, deadMetric)
		if pod.IsValid() {
			fmt.Fprintf(&script, "ip route replace %s via %s\n", sites, pod)
			unmasked := fmt.Sprintf("POSTROUTING -s %s -d %s -j ACCEPT", podSubnet, sites)
			fmt.Fprintf(&script, "iptables -w -t nat -C %[1]s 2>/dev/null || iptables -w -t nat -I %[1]s\n", unmasked)
		}
	}
	if _, err := b.NodeExec(ctx, "sh", "-ec", script.String()); err != nil {
		return fmt.Errorf("route the sites' addresses in the node: %w", err)
	}
	return nil
}

// enclose sees to it that what is sent to a site comes to the outside world's pod, and that nothing else leaves the machine.
func (b *Bed) enclose(ctx context.Context, pod netip.Addr) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return b.route(ctx, pod) })
	group.Go(func() error { return b.seal(ctx) })
	return group.Wait()
}

// RouteOutside leads the sites' addresses to the outside world's pod as it is now. A pod that was replaced has another address.
func (b *Bed) RouteOutside(ctx context.Context) error {
	c, err := newClient(b.Kubeconfig)
	if err != nil {
		return err
	}
	address, err := c.outsideAddress(ctx)
	if err != nil {
		return err
	}
	return b.route(ctx, address)
}

// outsideDeviations say how the internet of the pages is not the internet.
func outsideDeviations() []string {
	return []string{
		"the internet is a pod that istiod does not know, on addresses reserved for documentation (RFC 5737): sites answer alike on every machine, and no request reaches the real ones",
	}
}

// sampleDeviations are where the source of requests differs from the pages' samples: fixtures/manifests/curl.yaml.
func sampleDeviations() []string {
	return []string{
		"where a page has the sample sleep, its successor curl runs: the commands name that pod and that container",
		"the sample curl, as kept here: it ends at once, has no token of its service account, runs as 65532 without rights, and trusts the stand-ins' authority by CURL_CA_BUNDLE and SSL_CERT_FILE",
	}
}
