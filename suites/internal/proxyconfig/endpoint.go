package proxyconfig

import (
	"strings"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
)

// LoadAssignment is the endpoints of one EDS service, or of one cluster without EDS.
type LoadAssignment struct {
	Resource
	Endpoints []Endpoint
	Proto     *endpointv3.ClusterLoadAssignment
}

// Endpoint is one address behind a cluster.
type Endpoint struct {
	Address Address
	// Health is UNKNOWN (never checked, in use), HEALTHY, UNHEALTHY, DRAINING, TIMEOUT or DEGRADED.
	Health   string
	Weight   uint32
	Priority uint32
	// Zone is "region/zone/subzone" as far as known.
	Zone string
	// Labels are the transport labels (envoy.transport_socket_match), such as tlsMode.
	Labels map[string]string
}

func (c *Config) addEndpoints(e entry, r Resource) error {
	assignment := &endpointv3.ClusterLoadAssignment{}
	if err := decode(e.Endpoint, assignment); err != nil {
		return err
	}
	r.Kind, r.raw, r.Name = KindEndpoints, e.Endpoint, assignment.GetClusterName()
	e.Name = r.Name
	c.reject(KindEndpoints, e)
	c.Endpoints = append(c.Endpoints, &LoadAssignment{Resource: r, Endpoints: newEndpoints(assignment), Proto: assignment})
	return nil
}

func newEndpoints(assignment *endpointv3.ClusterLoadAssignment) []Endpoint {
	var all []Endpoint
	for _, group := range assignment.GetEndpoints() {
		zone := newZone(group)
		for _, e := range group.GetLbEndpoints() {
			all = append(all, Endpoint{
				Address:  newAddress(e.GetEndpoint().GetAddress()),
				Health:   e.GetHealthStatus().String(),
				Weight:   e.GetLoadBalancingWeight().GetValue(),
				Priority: group.GetPriority(),
				Zone:     zone,
				Labels:   transportLabels(e),
			})
		}
	}
	return all
}

func newZone(group *endpointv3.LocalityLbEndpoints) string {
	locality := group.GetLocality()
	return strings.TrimRight(locality.GetRegion()+"/"+locality.GetZone()+"/"+locality.GetSubZone(), "/")
}

func transportLabels(e *endpointv3.LbEndpoint) map[string]string {
	fields := e.GetMetadata().GetFilterMetadata()["envoy.transport_socket_match"].GetFields()
	if len(fields) == 0 {
		return nil
	}
	labels := make(map[string]string, len(fields))
	for key, value := range fields {
		labels[key] = value.GetStringValue()
	}
	return labels
}
