// Package scenario is the vocabulary: pages, scenarios, steps, promises, and the actions a step can take.
//
// A scenario is data. Nothing in it runs: replay walks it, a testbed carries the actions out, and the page's package only says
// what the page says.
package scenario
