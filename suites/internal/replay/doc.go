// Package replay walks a scenario: needs, steps, promises, undo, leaks. It is the only non-test package that imports Ginkgo,
// and declares the small Testbed interface it needs, so that the walk itself is tested in milliseconds against a fake.
package replay
