// Package probe holds questions and answers: what a scenario asks from a workload of the page, and everything one attempt brought back.
//
// It knows the standard library only. Nothing here talks to a cluster: the testbed asks, replay judges.
package probe
