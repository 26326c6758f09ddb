package match

import (
	"fmt"
	"time"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// TakeAbout promises how long a request took by curl's own clock, give or take tolerance.
func TakeAbout(want, tolerance time.Duration) types.GomegaMatcher {
	return taking(named("TakeAbout", want, tolerance), want-tolerance, want+tolerance)
}

// TakeBetween promises how long a request took by curl's own clock: never less than a timer that has to run out, and little more.
func TakeBetween(shortest, longest time.Duration) types.GomegaMatcher {
	return taking(named("TakeBetween", shortest, longest), shortest, longest)
}

func taking(name string, shortest, longest time.Duration) types.GomegaMatcher {
	return promise{
		name: name, kind: aRequest,
		judge: func(e probe.Evidence) (finding, error) {
			if shortest > longest {
				return finding{}, fmt.Errorf("between %s and %s there is nothing", shortest, longest)
			}
			total := e.Timing.Total
			return finding{
				holds:  total >= shortest && total <= longest,
				wanted: fmt.Sprintf("an answer after %s to %s", shortest, longest),
				got:    fmt.Sprintf("%s after %s", lastAnswer(e), total.Round(time.Millisecond)),
			}, nil
		},
	}
}
