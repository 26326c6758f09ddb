package proxyconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrNotADump is returned for bytes that are no answer of /config_dump, most
// often the text of an error page.
var ErrNotADump = errors.New("not an Envoy config dump")

// Parse decodes a whole /config_dump, with or without endpoints. Types that are
// not linked in (Istio's own filters, wasm) are kept as raw, named configuration
// and are no error.
func Parse(configDump []byte) (*Config, error) { return parse(configDump, "") }

// parse reads a dump. The field names the list a narrow query asked for: active
// and warming entries look alike, only the question tells them apart.
func parse(configDump []byte, field string) (*Config, error) {
	var dump struct {
		Configs []section `json:"configs"`
	}
	if err := json.Unmarshal(configDump, &dump); err != nil {
		return nil, fmt.Errorf("%w: it begins with %q: %w", ErrNotADump, head(configDump), err)
	}
	config := &Config{}
	for i := range dump.Configs {
		if err := config.add(&dump.Configs[i], field); err != nil {
			return nil, err
		}
	}
	return config, nil
}

func head(text []byte) string {
	const enough = 60
	return string(text[:min(len(text), enough)])
}

// section is one element of configs: a section of the whole dump, or one entry
// where the query asked for a list. The names of their fields do not collide, so
// one struct reads both in a single pass over the JSON.
type section struct {
	Type string `json:"@type"`
	entry

	Bootstrap struct {
		Node Node `json:"node"`
	} `json:"bootstrap"`

	StaticListeners        []entry `json:"static_listeners"`
	DynamicListeners       []entry `json:"dynamic_listeners"`
	StaticClusters         []entry `json:"static_clusters"`
	DynamicActiveClusters  []entry `json:"dynamic_active_clusters"`
	DynamicWarmingClusters []entry `json:"dynamic_warming_clusters"`
	StaticRoutes           []entry `json:"static_route_configs"`
	DynamicRoutes          []entry `json:"dynamic_route_configs"`
	StaticEndpoints        []entry `json:"static_endpoint_configs"`
	DynamicEndpoints       []entry `json:"dynamic_endpoint_configs"`
	StaticSecrets          []entry `json:"static_secrets"`
	DynamicActiveSecrets   []entry `json:"dynamic_active_secrets"`
	DynamicWarmingSecrets  []entry `json:"dynamic_warming_secrets"`
	Extensions             []entry `json:"ecds_filters"`
}

// entry is the envelope Envoy puts around a resource.
type entry struct {
	Name     string    `json:"name"`
	Version  string    `json:"version_info"`
	Updated  time.Time `json:"last_updated"`
	Rejected *failure  `json:"error_state"`

	Listener  json.RawMessage `json:"listener"`
	Cluster   json.RawMessage `json:"cluster"`
	Route     json.RawMessage `json:"route_config"`
	Endpoint  json.RawMessage `json:"endpoint_config"`
	Secret    json.RawMessage `json:"secret"`
	Extension json.RawMessage `json:"ecds_filter"`

	Active   *entry `json:"active_state"`
	Warming  *entry `json:"warming_state"`
	Draining *entry `json:"draining_state"`
}

// failure is envoy.admin.v3.UpdateFailureState.
type failure struct {
	Details string    `json:"details"`
	Version string    `json:"version_info"`
	At      time.Time `json:"last_update_attempt"`
	Failed  struct {
		Name string `json:"name"`
	} `json:"failed_configuration"`
}

// list is one repeated field of a dump and what its entries are.
type list struct {
	field   string // of the section, and the resource parameter of a query
	message string // type of one entry, below envoy.admin.v3
	static  bool
	state   State
	entries func(*section) []entry
	add     func(*Config, entry, Resource) error
}

// lists holds active before warming: without a question to tell them apart an entry counts as active.
var lists = []list{
	{"static_listeners", "ListenersConfigDump.StaticListener", true, Active, func(s *section) []entry { return s.StaticListeners }, (*Config).addListener},
	{"dynamic_listeners", "ListenersConfigDump.DynamicListener", false, Active, func(s *section) []entry { return s.DynamicListeners }, (*Config).addListenerStates},
	{"static_clusters", "ClustersConfigDump.StaticCluster", true, Active, func(s *section) []entry { return s.StaticClusters }, (*Config).addCluster},
	{"dynamic_active_clusters", "ClustersConfigDump.DynamicCluster", false, Active, func(s *section) []entry { return s.DynamicActiveClusters }, (*Config).addCluster},
	{"dynamic_warming_clusters", "ClustersConfigDump.DynamicCluster", false, Warming, func(s *section) []entry { return s.DynamicWarmingClusters }, (*Config).addCluster},
	{"static_route_configs", "RoutesConfigDump.StaticRouteConfig", true, Active, func(s *section) []entry { return s.StaticRoutes }, (*Config).addRoute},
	{"dynamic_route_configs", "RoutesConfigDump.DynamicRouteConfig", false, Active, func(s *section) []entry { return s.DynamicRoutes }, (*Config).addRoute},
	{"static_endpoint_configs", "EndpointsConfigDump.StaticEndpointConfig", true, Active, func(s *section) []entry { return s.StaticEndpoints }, (*Config).addEndpoints},
	{"dynamic_endpoint_configs", "EndpointsConfigDump.DynamicEndpointConfig", false, Active, func(s *section) []entry { return s.DynamicEndpoints }, (*Config).addEndpoints},
	{"static_secrets", "SecretsConfigDump.StaticSecret", true, Active, func(s *section) []entry { return s.StaticSecrets }, (*Config).addSecret},
	{"dynamic_active_secrets", "SecretsConfigDump.DynamicSecret", false, Active, func(s *section) []entry { return s.DynamicActiveSecrets }, (*Config).addSecret},
	{"dynamic_warming_secrets", "SecretsConfigDump.DynamicSecret", false, Warming, func(s *section) []entry { return s.DynamicWarmingSecrets }, (*Config).addSecret},
	{"ecds_filters", "EcdsConfigDump.EcdsFilterConfig", false, Active, func(s *section) []entry { return s.Extensions }, (*Config).addExtension},
}

const adminPackage = "type.googleapis.com/envoy.admin.v3."

func (c *Config) add(s *section, field string) error {
	switch s.Type {
	case adminPackage + "BootstrapConfigDump":
		c.Node = s.Bootstrap.Node
	case adminPackage + "ListenersConfigDump":
		c.ListenersVersion = s.Version
	case adminPackage + "ClustersConfigDump":
		c.ClustersVersion = s.Version
	}
	for _, l := range lists {
		entries := l.entries(s)
		single := s.Type == adminPackage+l.message && (field == "" || field == l.field)
		if single {
			entries = []entry{s.entry}
		}
		if err := c.addList(l, entries); err != nil {
			return err
		}
		if single {
			return nil
		}
	}
	return nil
}

func (c *Config) addList(l list, entries []entry) error {
	for _, e := range entries {
		r := Resource{Name: e.Name, Static: l.static, State: l.state, Version: e.Version, Updated: e.Updated}
		if err := l.add(c, e, r); err != nil {
			return fmt.Errorf("%s: %w", l.field, err)
		}
	}
	return nil
}

// reject keeps the refused update of an entry, if there is one. Envoy prints a
// refused listener twice, beside the version in force and, without a name, in the
// list of all failures of the last update.
func (c *Config) reject(kind Kind, e entry) {
	if e.Rejected == nil {
		return
	}
	name := e.Name
	if name == "" {
		name = e.Rejected.Failed.Name
	}
	told := slices.ContainsFunc(c.rejected, func(r Rejection) bool {
		return r.Kind == kind && r.Details == e.Rejected.Details && (r.Name == name || name == "")
	})
	if told {
		return
	}
	c.rejected = append(c.rejected, Rejection{
		Kind: kind, Name: name, Details: e.Rejected.Details, Version: e.Rejected.Version, At: e.Rejected.At,
	})
}
