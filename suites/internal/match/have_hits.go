package match

import (
	"fmt"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HaveHits promises how many requests arrived at a site of the outside world, named "host:port", since the attempt began.
// n is a number or a Gomega matcher.
func HaveHits(site string, n any) types.GomegaMatcher {
	return hitting(named("HaveHits", site, n), site, n, n == 0)
}

// HaveNoHits promises that nothing arrived at a site of the outside world. A site that nobody counted proves nothing and does not pass.
func HaveNoHits(site string) types.GomegaMatcher {
	return hitting(named("HaveNoHits", site), site, 0, true)
}

func hitting(name, site string, n any, negative bool) types.GomegaMatcher {
	return promise{
		name: name, negative: negative,
		judge: func(e probe.Evidence) (finding, error) {
			address, err := expand(e, site)
			if err != nil {
				return finding{}, err
			}
			hits, counted := e.Hits[address]
			ok, says, err := compare(e, n, hits)
			found := finding{holds: ok && counted, wanted: fmt.Sprintf("%s requests at %s", says, address), got: fmt.Sprint(hits)}
			if !counted {
				found.got = fmt.Sprintf("no count of that site; counted were %q", sortedKeys(e.Hits))
			}
			return found, err
		},
	}
}
