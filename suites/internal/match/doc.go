// Package match judges evidence in the words of the pages: a promise such as "the gateway logged our request" is one Gomega matcher.
//
// Every matcher takes a probe.Evidence. It answers false for what is not true, or not true yet, and gives an error for wrong use only.
// Wanted texts may hold the page's shell variables (${CLUSTER_IP}); they get the values that the attempt knew. A matcher keeps
// nothing between two calls, so that one value may serve many attempts at once.
//
// Where a wanted value is of type any, it is one of
//
//	"text"                      exactly this, variables expanded
//	200                         exactly this number
//	Dash                        what a log prints as "-": nothing
//	Matching(`^sidecar~.*`)     a regular expression, variables expanded and taken literally
//	HavePrefix("curl/")         any Gomega matcher
//
// A matcher of a refusal or an absence says so (Negative): such a promise can come true for a wrong reason, and needs a control run.
package match
