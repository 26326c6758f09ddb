package proxyconfig

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Paths of Envoy's admin interface whose answers this package reads.
const (
	// DumpPath asks for everything but endpoints, FullDumpPath for everything (Parse).
	DumpPath     = "/config_dump"
	FullDumpPath = "/config_dump?include_eds"

	ClustersPath     = "/clusters?format=json"  // ParseClusters
	ClustersTextPath = "/clusters"              // ParseClustersText
	ListenersPath    = "/listeners?format=json" // ParseListeners
	CertsPath        = "/certs"                 // ParseCerts
	ServerInfoPath   = "/server_info"           // ParseServerInfo
	// VersionsPath brings ListenersVersion and ClustersVersion of a Config and
	// nothing else, in 400 bytes. Each names the last push that changed something
	// of its type: Envoy keeps the old version when an update brings no change.
	VersionsPath = "/config_dump?mask=version_info"
)

// StatsPath asks for the counters and gauges whose names match the regular
// expression (RE2); ParseStats reads the answer.
func StatsPath(filter string) string {
	return "/stats?format=json&filter=" + url.QueryEscape(filter)
}

// PushNumber is the running number of istiod's push in a version or nonce of
// its, such as "2026-11-20T23:30:00Z/42" or the same with a UUID behind. Numbers
// grow by one with each push and are the same for all proxies of one istiod;
// they start again when it restarts. The second result is false for other text.
//
// Source: istio.io/istio/pilot/pkg/xds, NextVersion and nonce.
func PushNumber(version string) (uint64, bool) {
	const uuid = 36 // characters
	_, number, found := strings.Cut(version, "/")
	if len(number) > uuid {
		number = number[:len(number)-uuid]
	}
	push, err := strconv.ParseUint(number, 10, 64)
	return push, found && err == nil
}

// Query asks for a part of the dump: one list, some names, some fields. The
// whole dump of a gateway takes Envoy and the parser tens of milliseconds, one
// resource takes neither a tenth of that.
//
// Source: https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--config_dump?resource=
type Query struct {
	field string
	name  string
	mask  []string
}

// The lists a Query can ask for. Listeners come with every state in one entry;
// clusters and secrets that warm stand in a list of their own.
var (
	DynamicListeners = Query{field: "dynamic_listeners"}
	DynamicRoutes    = Query{field: "dynamic_route_configs"}
	DynamicEndpoints = Query{field: "dynamic_endpoint_configs"}
	ActiveClusters   = Query{field: "dynamic_active_clusters"}
	WarmingClusters  = Query{field: "dynamic_warming_clusters"}
	ActiveSecrets    = Query{field: "dynamic_active_secrets"}
	WarmingSecrets   = Query{field: "dynamic_warming_secrets"}
	// ListenerStates is all that settling asks of listeners: names, what warms,
	// what was refused.
	ListenerStates = DynamicListeners.Only("name", "error_state", "active_state.last_updated", "warming_state.last_updated")
	// ClusterNames is the cheapest way to see which destinations a proxy knows.
	ClusterNames = ActiveClusters.Only("cluster.name")
)

// Named narrows the query to the resource of that exact name.
func (q Query) Named(name string) Query {
	q.name = regexp.QuoteMeta(name)
	return q
}

// Matching narrows the query to names that match the regular expression (RE2) as a whole.
func (q Query) Matching(regex string) Query {
	q.name = regex
	return q
}

// Only narrows the answer to these fields of an entry, such as "cluster.name".
// What is left out is empty in the parsed view: names and states of a large
// mesh at a fraction of the bytes.
func (q Query) Only(fields ...string) Query {
	q.mask = fields
	return q
}

// Path is the question to send to the admin interface.
func (q Query) Path() string {
	path := "/config_dump?resource=" + q.field
	if q.name != "" {
		path += "&name_regex=" + url.QueryEscape(q.name)
	}
	if len(q.mask) > 0 {
		path += "&mask=" + url.QueryEscape(strings.Join(q.mask, ","))
	}
	if q.field == DynamicEndpoints.field {
		path += "&include_eds"
	}
	return path
}

// Parse decodes the answer to the query. Only the query knows whether a cluster
// or secret it brought is active or warming: the entries look alike.
func (q Query) Parse(answer []byte) (*Config, error) { return parse(answer, q.field) }
