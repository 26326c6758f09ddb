package proxyconfig

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	adminv3 "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// ErrNotAStatus is returned for bytes that are no answer of the admin path the parser reads.
var ErrNotAStatus = errors.New("not an answer of Envoy's admin interface")

// ClusterStatus is the hosts of a cluster as /clusters counts them.
type ClusterStatus struct {
	Name  string
	Hosts []HostStatus
}

// HostStatus is one host behind a cluster.
type HostStatus struct {
	Address Address
	// Hostname is the name the address was resolved from, empty without DNS.
	Hostname string
	// Healthy is false as soon as anything (health check, EDS, outlier detection) speaks against the host.
	Healthy bool
	// Counters are cx_total, cx_active, cx_connect_fail, rq_total, rq_success, rq_error, rq_timeout, rq_active.
	Counters map[string]uint64
}

// ClusterStatuses is the answer of /clusters.
type ClusterStatuses []ClusterStatus

// Cluster finds a cluster by its name.
func (s ClusterStatuses) Cluster(name string) (ClusterStatus, bool) {
	return find(s, func(c ClusterStatus) bool { return c.Name == name })
}

// Sum adds one counter over all hosts of a cluster: a page that shows "cx_total
// 2" speaks of one address, a host with several addresses splits it.
func (s ClusterStatuses) Sum(cluster, counter string) uint64 {
	var sum uint64
	found, _ := s.Cluster(cluster)
	for _, h := range found.Hosts {
		sum += h.Counters[counter]
	}
	return sum
}

// ParseClusters reads /clusters?format=json.
func ParseClusters(answer []byte) (ClusterStatuses, error) {
	var message adminv3.Clusters
	if err := decodeStatus(answer, &message); err != nil {
		return nil, err
	}
	all := make(ClusterStatuses, 0, len(message.GetClusterStatuses()))
	for _, c := range message.GetClusterStatuses() {
		status := ClusterStatus{Name: c.GetName()}
		for _, h := range c.GetHostStatuses() {
			status.Hosts = append(status.Hosts, newHostStatus(h))
		}
		all = append(all, status)
	}
	return all, nil
}

func newHostStatus(h *adminv3.HostStatus) HostStatus {
	status := HostStatus{
		Address:  newAddress(h.GetAddress()),
		Hostname: h.GetHostname(),
		Healthy:  isHealthy(h.GetHealthStatus()),
		Counters: make(map[string]uint64, len(h.GetStats())),
	}
	for _, s := range h.GetStats() {
		status.Counters[s.GetName()] = s.GetValue()
	}
	return status
}

func isHealthy(h *adminv3.HostHealthStatus) bool {
	return !h.GetFailedActiveHealthCheck() && !h.GetFailedOutlierCheck() && !h.GetPendingDynamicRemoval() &&
		h.GetEdsHealthStatus().Number() <= 1 // UNKNOWN and HEALTHY
}

// ParseClustersText reads the plain form of /clusters, the one the pages show:
// lines such as "outbound|443||www.wikipedia.org::10.1.2.3:443::cx_total::2".
func ParseClustersText(answer []byte) (ClusterStatuses, error) {
	var all ClusterStatuses
	lines := bufio.NewScanner(bytes.NewReader(answer))
	for lines.Scan() {
		if lines.Text() == "" { // pilot-agent ends with one
			continue
		}
		fields := strings.Split(lines.Text(), "::")
		if len(fields) < 3 {
			return nil, fmt.Errorf("%w: line %q of /clusters is not of the form name::key::value", ErrNotAStatus, lines.Text())
		}
		if len(all) == 0 || all[len(all)-1].Name != fields[0] {
			all = append(all, ClusterStatus{Name: fields[0]})
		}
		// An IPv6 address holds the separator itself, hence counted from the end.
		host := strings.Join(fields[1:len(fields)-2], "::")
		if isHostAddress(host) {
			all[len(all)-1].addText(host, fields[len(fields)-2], fields[len(fields)-1])
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read /clusters: %w", err)
	}
	return all, nil
}

// isHostAddress tells a host's lines from those of the cluster itself (default_priority, outlier).
func isHostAddress(s string) bool { return strings.ContainsAny(s, ":/@") }

func (c *ClusterStatus) addText(host, key, value string) {
	address := parseAddress(host)
	if len(c.Hosts) == 0 || c.Hosts[len(c.Hosts)-1].Address != address {
		c.Hosts = append(c.Hosts, HostStatus{Address: address, Counters: map[string]uint64{}})
	}
	status := &c.Hosts[len(c.Hosts)-1]
	switch key {
	case "hostname":
		status.Hostname = value
	case "health_flags":
		status.Healthy = value == "healthy"
	default:
		if count, err := strconv.ParseUint(value, 10, 64); err == nil && isCounter(key) {
			status.Counters[key] = count
		}
	}
}

func isCounter(key string) bool {
	return strings.HasPrefix(key, "cx_") || strings.HasPrefix(key, "rq_")
}

func parseAddress(s string) Address {
	host, port, err := net.SplitHostPort(s)
	number, numberErr := strconv.ParseUint(port, 10, 16)
	if err != nil || numberErr != nil {
		return Address{Host: s}
	}
	return Address{Host: host, Port: uint32(number)}
}

// Stats are counters and gauges by name.
type Stats map[string]uint64

// ParseStats reads /stats?format=json. Histograms and text values are left out.
func ParseStats(answer []byte) (Stats, error) {
	var message struct {
		Stats []struct {
			Name  string          `json:"name"`
			Value json.RawMessage `json:"value"`
		} `json:"stats"`
	}
	if err := json.Unmarshal(answer, &message); err != nil {
		return nil, fmt.Errorf("%w: it begins with %q: %w", ErrNotAStatus, head(answer), err)
	}
	stats := Stats{}
	for _, s := range message.Stats {
		if value, err := strconv.ParseUint(string(s.Value), 10, 64); err == nil {
			stats[s.Name] = value
		}
	}
	return stats, nil
}

// Since gives what was added to each counter after the earlier reading; unchanged ones are left out.
func (s Stats) Since(before Stats) Stats {
	grown := Stats{}
	for name, value := range s {
		if earlier := before[name]; value > earlier {
			grown[name] = value - earlier
		}
	}
	return grown
}

// Sum adds the counters whose name ends in the suffix, for example "ssl.fail_verify_san" over all listeners.
func (s Stats) Sum(suffix string) uint64 {
	var sum uint64
	for name, value := range s {
		if strings.HasSuffix(name, suffix) {
			sum += value
		}
	}
	return sum
}

// RejectionFilter is the filter for StatsPath that brings what Rejections needs.
const RejectionFilter = `\.update_rejected$`

// Rejections names the subscriptions (cds, lds, rds tables, sds) that ever had
// an update refused, sorted. The counters only grow: compare with an earlier
// reading by Since.
func (s Stats) Rejections() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if subscription, ok := strings.CutSuffix(name, ".update_rejected"); ok && s[name] > 0 {
			names = append(names, subscription)
		}
	}
	return names
}

// ServerInfo is what a proxy says about itself.
type ServerInfo struct {
	// Version is the release alone, "1.40.0"; Build is the whole line Envoy prints.
	Version, Build string
	// State is LIVE, PRE_INITIALIZING, INITIALIZING or DRAINING.
	State  string
	Uptime time.Duration
	NodeID string
	// IstioVersion is that of the agent that started the proxy.
	IstioVersion string
}

// ParseServerInfo reads /server_info.
func ParseServerInfo(answer []byte) (ServerInfo, error) {
	var message adminv3.ServerInfo
	if err := decodeStatus(answer, &message); err != nil {
		return ServerInfo{}, err
	}
	info := ServerInfo{
		Build:  message.GetVersion(),
		State:  message.GetState().String(),
		Uptime: message.GetUptimeCurrentEpoch().AsDuration(),
		NodeID: message.GetNode().GetId(),

		IstioVersion: message.GetNode().GetMetadata().GetFields()["ISTIO_VERSION"].GetStringValue(),
	}
	// commit/version/clean or modified/build type/TLS library
	if parts := strings.Split(info.Build, "/"); len(parts) > 1 {
		info.Version = parts[1]
	}
	return info, nil
}

// BoundListener is a listener with a socket of its own.
type BoundListener struct {
	Name      string
	Addresses []Address
}

// ParseListeners reads /listeners?format=json: what really listens, without the
// virtual listeners and without those that warm.
func ParseListeners(answer []byte) ([]BoundListener, error) {
	var message adminv3.Listeners
	if err := decodeStatus(answer, &message); err != nil {
		return nil, err
	}
	var all []BoundListener
	for _, l := range message.GetListenerStatuses() {
		bound := BoundListener{Name: l.GetName(), Addresses: []Address{newAddress(l.GetLocalAddress())}}
		for _, more := range l.GetAdditionalLocalAddresses() {
			bound.Addresses = append(bound.Addresses, newAddress(more))
		}
		all = append(all, bound)
	}
	return all, nil
}

// LoadedCertificate is a certificate in use, as /certs tells it.
type LoadedCertificate struct {
	// Authority tells a CA from the proxy's own certificate.
	Authority bool
	// Path is the file, or "<inline>" for what came by SDS.
	Path string
	// Serial is in lower-case hexadecimal.
	Serial              string
	SubjectAltNames     []string
	NotBefore, NotAfter time.Time
}

// ParseCerts reads /certs.
func ParseCerts(answer []byte) ([]LoadedCertificate, error) {
	var message adminv3.Certificates
	if err := decodeStatus(answer, &message); err != nil {
		return nil, err
	}
	var all []LoadedCertificate
	for _, pair := range message.GetCertificates() {
		for _, own := range pair.GetCertChain() {
			all = append(all, newLoadedCertificate(own))
		}
		for _, ca := range pair.GetCaCert() {
			loaded := newLoadedCertificate(ca)
			loaded.Authority = true
			all = append(all, loaded)
		}
	}
	return all, nil
}

func newLoadedCertificate(from *adminv3.CertificateDetails) LoadedCertificate {
	loaded := LoadedCertificate{
		Path:      from.GetPath(),
		Serial:    from.GetSerialNumber(),
		NotBefore: from.GetValidFrom().AsTime(),
		NotAfter:  from.GetExpirationTime().AsTime(),
	}
	for _, name := range from.GetSubjectAltNames() {
		// One of the three is set.
		loaded.SubjectAltNames = append(loaded.SubjectAltNames, name.GetDns()+name.GetUri()+name.GetIpAddress())
	}
	return loaded
}

func decodeStatus(answer []byte, into proto.Message) error {
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%w: it begins with %q: %w", ErrNotAStatus, head(answer), err)
	}
	return nil
}
