package match

import (
	"encoding/json"
	"fmt"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HavePrintedJSON promises a field of the JSON that a command printed, by the path that HaveJSONPath takes: {[0].virtualHosts[*].name}.
func HavePrintedJSON(path string, want any) types.GomegaMatcher {
	return promise{
		name: named("HavePrintedJSON", path, want),
		judge: func(e probe.Evidence) (finding, error) {
			steps, err := readPath(path)
			if err != nil {
				return finding{}, err
			}
			_, says, err := compare(e, want, "")
			found := finding{wanted: fmt.Sprintf("printed JSON with %s %s", path, says)}
			var document any
			if problem := json.Unmarshal([]byte(e.Stdout), &document); problem != nil || err != nil {
				found.got = "no JSON but " + shown(e.Stdout)
				return found, err
			}
			text := printed(follow(document, steps))
			found.holds, _, err = compare(e, want, text)
			found.got = shown(text)
			return found, err
		},
	}
}
