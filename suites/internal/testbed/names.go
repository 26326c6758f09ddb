package testbed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshproof/meshproof/fixtures"
)

// siteTTL is how long, in seconds, a name of the outside world may be remembered.
const siteTTL = 5

// corefile is CoreDNS's whole configuration. Three kinds of names: those of the cluster, read from the API server and never
// remembered, so that a page's new Service resolves at once; those of the outside world; and all others, which do not exist. They are
// not forwarded: what the sites do not answer must fail at once, on every machine alike.
//
// Source: https://coredns.io/plugins/ kubernetes, hosts, template.
func corefile() string {
	var hosts strings.Builder
	zones := map[string]bool{}
	var names []string
	for line := range strings.Lines(fixtures.Hosts()) {
		hosts.WriteString("        " + line)
		_, host, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !zones[host] {
			zones[host] = true
			names = append(names, host+":53")
		}
	}
	//nolint:dupword // any class and any type of a query
	return fmt.Sprintf(`.:53 {
    errors
    health
    ready
    prometheus :9153
    template ANY ANY {
        rcode NXDOMAIN
        authority ". 1 IN SOA ns.meshproof.invalid. nobody.meshproof.invalid. 1 1 1 1 1"
    }
}
cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 0
    }
    loadbalance
}
%s {
    errors
    hosts {
%s        ttl %d
        no_reverse
    }
    loadbalance
}
`, strings.Join(names, " "), hosts.String(), siteTTL)
}

// nameDeviations are how names resolve differently from a cluster as kubeadm makes it.
func nameDeviations() []string {
	return []string{
		fmt.Sprintf("DNS: the pages' hosts are answered inside the cluster with a TTL of %d s: they are stand-ins", siteTTL),
		"DNS: every other name outside the cluster does not exist, and nothing is forwarded: no request may leave the machine",
		"DNS: names of the cluster have a TTL of 0 and are not cached (default 30 s): a page's new Service must resolve at once",
		"DNS: one replica of CoreDNS (default 2): there is one node",
	}
}

// resolveNames gives CoreDNS its configuration. Its pods are replaced, because they would read a changed one only after a minute;
// this early they are mostly not even started.
func (b *builder) resolveNames(ctx context.Context) error {
	text := corefile()
	if err := b.client.applyObject(ctx, kubeSystem, configMap(kubeSystem, "coredns", map[string]string{"Corefile": text})); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(text))
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{
		"replicas": 1,
		"template": map[string]any{"metadata": map[string]any{"annotations": map[string]string{"meshproof/corefile": hex.EncodeToString(sum[:8])}}},
	}})
	if err != nil {
		return fmt.Errorf("restart CoreDNS: %w", err)
	}
	_, err = b.client.AppsV1().Deployments(kubeSystem).Patch(ctx, "coredns", types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	if err != nil {
		return fmt.Errorf("restart CoreDNS: %w", err)
	}
	return nil
}
