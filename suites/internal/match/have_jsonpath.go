package match

import (
	"fmt"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HaveJSONPath promises a field of the one object that `kubectl get` returned, by kubectl's JSONPath: {.spec.clusterIP},
// {.metadata.labels.kubernetes\.io/service-name}, {.spec.ports[0].port}, {.subsets[*].addresses[*].ip}.
// Several values stand side by side, as kubectl prints them; a field that is not there is the empty text.
func HaveJSONPath(path string, want any) types.GomegaMatcher {
	return promise{
		name: named("HaveJSONPath", path, want), kind: objects,
		judge: func(e probe.Evidence) (finding, error) {
			steps, err := readPath(path)
			if err != nil {
				return finding{}, err
			}
			if len(e.Objects) != 1 {
				return finding{wanted: "one object with a field " + path, got: objectCount(e)}, nil
			}
			text := printed(follow(map[string]any(e.Objects[0]), steps))
			holds, says, err := compare(e, want, text)
			return finding{holds: holds, wanted: fmt.Sprintf("%s %s", path, says), got: shown(text)}, err
		},
	}
}

func objectCount(e probe.Evidence) string {
	if len(e.Objects) == 0 && e.Stderr != "" {
		return "none: " + short(e.Stderr)
	}
	return counted(len(e.Objects), "object")
}
