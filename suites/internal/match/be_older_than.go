package match

import (
	"fmt"
	"time"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// BeOlderThan promises that every object was created longer ago than that when it was asked for. Kubernetes keeps the time in whole
// seconds, and Istio decides by it which of two conflicting objects came first: of two in the same second the name decides.
func BeOlderThan(age time.Duration) types.GomegaMatcher {
	return promise{
		name: named("BeOlderThan", age), kind: objects,
		judge: func(e probe.Evidence) (finding, error) {
			found := finding{holds: len(e.Objects) > 0, wanted: fmt.Sprintf("objects older than %s", age), got: "no object"}
			for _, object := range e.Objects {
				created, ok := createdAt(object)
				found.got = "one without a time"
				if ok {
					found.got = fmt.Sprintf("one of %s", e.At.Sub(created).Round(time.Millisecond))
				}
				if found.holds = ok && e.At.Sub(created) > age; !found.holds {
					break
				}
			}
			return found, nil
		},
	}
}

func createdAt(object probe.Object) (time.Time, bool) {
	metadata, _ := object["metadata"].(map[string]any)
	text, _ := metadata["creationTimestamp"].(string)
	created, err := time.Parse(time.RFC3339, text)
	return created, err == nil
}
