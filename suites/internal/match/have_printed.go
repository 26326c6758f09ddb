package match

import (
	"fmt"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HavePrinted promises what a command wrote to its standard output.
func HavePrinted(want any) types.GomegaMatcher {
	return promise{
		name: named("HavePrinted", want),
		judge: func(e probe.Evidence) (finding, error) {
			ok, says, err := compare(e, want, e.Stdout)
			got := shown(e.Stdout)
			if e.Exit != 0 {
				got = fmt.Sprintf("%s (exit %d: %s)", got, e.Exit, shown(e.Stderr))
			}
			return finding{holds: ok, wanted: "output " + says, got: got}, err
		},
	}
}
