package proxyconfig

import (
	"encoding/json"
	"fmt"
	"time"
)

// Kind is the sort of a resource, in the words of istioctl proxy-config.
type Kind string

// The kinds of resource an Envoy holds.
const (
	KindListener  Kind = "listener"
	KindRoute     Kind = "route"
	KindCluster   Kind = "cluster"
	KindEndpoints Kind = "endpoints"
	KindSecret    Kind = "secret"
	KindExtension Kind = "extension"
)

// State tells whether a resource takes part in serving traffic.
type State string

// The states of a resource. Envoy serves with active and static resources only.
const (
	// Active is a resource in force.
	Active State = "active"
	// Warming is a resource that waits for another one (a secret, endpoints, a
	// route table) before it comes into force.
	Warming State = "warming"
	// Draining is a listener that finishes its open connections and takes no new ones.
	Draining State = "draining"
)

// Resource is what every configuration resource has in common.
type Resource struct {
	Kind Kind
	Name string
	// Static resources come from the bootstrap file, the others from istiod or
	// from the agent beside the proxy.
	Static bool
	State  State
	// Version is the version Envoy reports for this resource. istiod's delta
	// protocol gives none; the agent does, for the secrets it serves.
	Version string
	// Updated is when Envoy last accepted a change of this resource.
	Updated time.Time

	raw json.RawMessage
}

// Ref names the resource for people: "listener 0.0.0.0_8080".
func (r Resource) Ref() string { return string(r.Kind) + " " + r.Name }

// InForce tells whether Envoy serves with this resource.
func (r Resource) InForce() bool { return r.State == Active }

// JSON is the resource as Envoy printed it. Private keys are never part of it.
func (r Resource) JSON() json.RawMessage { return r.raw }

// Rejection is an update that Envoy refused; the previous version stays in force.
type Rejection struct {
	Kind    Kind
	Name    string
	Details string
	Version string
	At      time.Time
}

// String is the rejection in one line.
func (r Rejection) String() string {
	return fmt.Sprintf("%s %s rejected: %s", r.Kind, r.Name, r.Details)
}

func (r Resource) common() Resource { return r }
