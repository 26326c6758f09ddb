// Package reports is what a run leaves behind: the report as a versioned type, its forms (JSON, JUnit, Markdown, HTML, evidence), the
// comparison of two reports, the gate of a release, and the history of many. It is a leaf: it knows nothing of scenarios, clusters or Ginkgo.
package reports
