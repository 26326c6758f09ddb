// Package testbed brings a mesh up and takes it down: a kind cluster of our own, Istio by istioctl, the outside world, the pages'
// first workload. Package engine finds what runs the node, package mesh talks to the mesh once it stands.
//
// A cluster ends finished or removed, never half made. One that fits is used again; one of ours that does not is rebuilt; one that
// is not ours is never touched. Everything that differs from a default install is listed with its reason.
package testbed
