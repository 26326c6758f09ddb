package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
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
	told, err := m.arrivals(ctx, 0)
	switch {
	case errors.Is(err, errNoWorld):
		return err.Error(), nil
	case err != nil:
		return "", err
	case told.Doors[site.Name] == nil:
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

// arrivals are what came to the sites after a cursor of their journal; with no cursor (0) only the new cursor matters, and nothing else is told. They
// are asked through the API server's own proxy, because the journal is told on the pod's address only.
func (m *Mesh) arrivals(ctx context.Context, since uint64) (*fixtures.Arrivals, error) {
	pod, err := m.world()
	if err != nil {
		return nil, err
	}
	if since == 0 {
		since = math.MaxUint64
	}
	answer, err := m.cluster.typed.CoreV1().RESTClient().Get().Namespace(pod.Namespace).Resource("pods").
		Name("http:"+pod.Name+":"+strconv.Itoa(fixtures.AdminPort)).SubResource("proxy").Suffix("arrivals").
		Param("since", strconv.FormatUint(since, 10)).DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask the outside world what arrived: %w", err)
	}
	var told fixtures.Arrivals
	if err := json.Unmarshal(answer, &told); err != nil {
		return nil, fmt.Errorf("read what arrived at the outside world: %w", err)
	}
	return &told, nil
}

// doors are the ports that were watched, by "host:port", each with the name of its site.
func doors(told *fixtures.Arrivals) map[string]string {
	watched := map[string]string{}
	for _, site := range fixtures.Sites {
		for _, port := range told.Doors[site.Name] {
			for _, tenant := range site.Tenants {
				watched[net.JoinHostPort(tenant.Host, strconv.Itoa(int(port)))] = site.Name
			}
		}
	}
	return watched
}

// testimony is what arrived, as evidence; not nil where nothing did. owners are the workloads by their pods' addresses.
func testimony(told *fixtures.Arrivals, owners map[string]probe.Peer) ([]probe.SiteConnection, error) {
	if told.Forgotten {
		return nil, errors.New("the outside world has forgotten what arrived since the question began: its pod was replaced, or more came than it keeps")
	}
	all := make([]probe.SiteConnection, len(told.Connections))
	for i, c := range told.Connections {
		all[i] = probe.SiteConnection{
			Site: c.Site, Local: c.Local, Remote: c.Remote, From: owners[c.Remote.Addr().String()], At: c.At, Earlier: c.Earlier,
			Hello: (*probe.ClientHello)(c.Hello), TLS: (*probe.SiteTLS)(c.TLS), Refused: c.Refused,
		}
		for _, r := range c.Requests {
			all[i].Requests = append(all[i].Requests, probe.SiteRequest{
				At: r.At, Protocol: r.Protocol, Method: r.Method, Host: r.Host, Path: probe.StripMarker(r.Path), Marker: probe.MarkerIn(r.Path),
				RequestID: r.RequestID, Status: r.Status,
			})
		}
	}
	return all, nil
}
