package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// world is the pod that answers for the outside world.
func (m *Mesh) world() (*corev1.Pod, error) {
	peer := probe.Peer{Namespace: fixtures.Internet.Namespace, Workload: fixtures.Internet.Name}
	pod, err := m.pods.ready(peer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoWorld, err)
	}
	return pod, nil
}

// ensureSite tells why a site cannot be used: nobody answers for it, or a proxy knows it already, which would make every negative
// worthless. A host that passed is not looked at again: what scenarios make known, they
// are proven to take back.
func (m *Mesh) ensureSite(ctx context.Context, host string) (string, error) {
	m.mu.Lock()
	reason, checked := m.sites[host]
	m.mu.Unlock()
	if checked {
		return reason, nil
	}
	site, ok := fixtures.SiteByHost(host)
	if !ok {
		return fmt.Sprintf("nobody stands in for %s: add it to fixtures.Sites", host), nil
	}
	counts, err := m.visits(ctx)
	switch {
	case errors.Is(err, errNoWorld):
		return err.Error(), nil
	case err != nil:
		return "", err
	case counts[site.Name] == nil:
		return fmt.Sprintf("the stand-in for %s does not serve it: bring the testbed up anew", host), nil
	}
	known, err := m.whoKnows(ctx, site, host)
	if err != nil {
		return "", err
	}
	if known != "" { // not remembered: it may be cured
		return known, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sites[host] = ""
	return "", nil
}

// whoKnows names the first proxy that has a cluster, an endpoint or a listener for a site; empty when none has.
func (m *Mesh) whoKnows(ctx context.Context, site fixtures.Site, host string) (string, error) {
	for _, pod := range m.pods.proxies() {
		config, err := m.dump(ctx, pod, proxyconfig.FullDumpPath)
		if err != nil {
			return "", err
		}
		if what := knows(config, site, host); what != "" {
			return fmt.Sprintf("%s knows %s before the scenario has begun: %s", proxyOf(pod), host, what), nil
		}
	}
	return "", nil
}

func knows(config *proxyconfig.Config, site fixtures.Site, host string) string {
	if clusters := config.ClustersFor(host); len(clusters) > 0 {
		return clusters[0].Ref()
	}
	ofSite := func(a proxyconfig.Address) bool {
		address, err := netip.ParseAddr(a.Host)
		return a.Host == host || (err == nil && slices.Contains(site.Addresses, address))
	}
	for _, listener := range config.Listeners {
		if slices.ContainsFunc(listener.Addresses, ofSite) {
			return listener.Ref()
		}
	}
	for _, assigned := range config.Endpoints {
		// What passes an ORIGINAL_DST cluster stays on its list for a while: traffic that was let through, not knowledge.
		if cluster, found := config.Cluster(assigned.Name); found && cluster.Type == "ORIGINAL_DST" {
			continue
		}
		if slices.ContainsFunc(assigned.Endpoints, func(e proxyconfig.Endpoint) bool { return ofSite(e.Address) }) {
			return assigned.Ref()
		}
	}
	return ""
}

// visits counts what arrived at the sites since they started. It is asked through the API server's own proxy, because the counter
// listens on the pod's address only.
func (m *Mesh) visits(ctx context.Context) (fixtures.Hits, error) {
	pod, err := m.world()
	if err != nil {
		return nil, err
	}
	answer, err := m.cluster.typed.CoreV1().RESTClient().Get().Namespace(pod.Namespace).Resource("pods").
		Name("http:" + pod.Name + ":" + strconv.Itoa(fixtures.AdminPort)).SubResource("proxy").Suffix("hits").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("count the visits at the outside world: %w", err)
	}
	var counts fixtures.Hits
	if err := json.Unmarshal(answer, &counts); err != nil {
		return nil, fmt.Errorf("read the visits at the outside world: %w", err)
	}
	return counts, nil
}

// requestsSince is how many requests came to each site, by "host:port", between two counts. The hosts of one site share its count:
// one program on one address serves them all.
func requestsSince(before, after fixtures.Hits) map[string]int {
	hits := map[string]int{}
	for _, site := range fixtures.Sites {
		for port, count := range after[site.Name] {
			more := count.Requests - before[site.Name][port].Requests
			for _, tenant := range site.Tenants {
				hits[tenant.Host+":"+strconv.Itoa(int(port))] = int(more) //nolint:gosec // a count of this run's requests
			}
		}
	}
	return hits
}
