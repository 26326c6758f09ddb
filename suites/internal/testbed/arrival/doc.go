// Package arrival proves that a change has reached istiod's pushes.
//
// istiod takes each kind of object in through a queue of its own. That its store shows an object proves nothing about the next push: the
// event may still wait in that queue, while another kind's event, a settle mark for instance, has a push of its own already. So every kind
// that was changed gets a sentinel: an object of that kind, written after the change, which only a client in one namespace is sent. The queue
// is in order, so whichever push holds the sentinel holds what was written before it. The Observer is that client: it speaks xDS to istiod as
// a sidecar and as a gateway would, and says which push brought each sentinel.
//
// Source: pilot/pkg/model/push_context.go (updateContext) and pilot/pkg/config/kube/crdclient/client.go (RegisterEventHandler) of
// https://github.com/istio/istio, and https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
package arrival
