package match

import (
	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// NotArriveAt promises that no connection came to a site of the outside world, named "host:port": not only no request. Sites tell of every connection
// that they could have accepted, so that none is a proof. A site that nobody watched does not testify, and the promise does not hold. Hosts of one
// site share an address; a connection that names another of them is not meant.
func NotArriveAt(door string) types.GomegaMatcher {
	return promise{
		name: named("NotArriveAt", door), negative: true,
		judge: func(e probe.Evidence) (finding, error) {
			at, err := visitorsOf(e, door)
			return finding{holds: at.watched && len(at.connections) == 0, wanted: "no connection to " + door, got: at.say()}, err
		},
	}
}
