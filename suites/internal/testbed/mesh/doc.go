// Package mesh is the running mesh as a replay needs it: what a scenario needs is brought about, a change is made and taken back,
// configuration is proven to have arrived, a question comes back with its evidence, and what is left behind is found.
//
// Everything goes through the API server of one kubeconfig: exec for the requests, port-forwards for Envoy's and istiod's own
// interfaces, followed streams for the access logs. Nothing here judges; errors say that something could not be done or asked.
package mesh
