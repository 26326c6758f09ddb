// Package proxyconfig decodes what an Envoy holds: listeners, filter chains,
// routes, clusters, endpoints and secrets, as its admin interface shows them.
//
// [Parse] reads a whole /config_dump, [Query.Parse] a narrow answer; the other
// parsers read /clusters, /stats, /listeners, /certs and /server_info. Nothing
// here talks to a proxy: bytes in, values out.
//
// The views ([Listener], [RouteConfig], [Cluster], ...) speak the words of
// Istio's documents; each keeps the go-control-plane message it was made from
// in its Proto field, for the rare question the view does not answer.
//
// Two properties make the package fit for judging a live mesh. A resource that
// is warming or was rejected is never mistaken for one in force: [Config.Warming]
// and [Config.Rejected] name them. And two configurations can be compared
// without noise: [Config.Inventory] gives every resource a content hash that
// ignores versions, time stamps and any order Envoy does not care about, and
// [Diff] tells in text what changed.
//
// Source of the formats: https://www.envoyproxy.io/docs/envoy/latest/operations/admin
// and the messages of envoy.admin.v3.
package proxyconfig
