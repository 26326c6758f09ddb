package mesh

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// What keeps a proxy that has acknowledged the newest push from acting by it. Nothing more is on its way then: it lasts.
const (
	stillWarming = "is still warming "                            // what it waits for does not come
	refuses      = "refused "                                     // and goes on with what it had
	ignores      = "has the newest mesh configuration and still " // something else decides, a Sidecar for instance
)

// How long each may look as if it lasted, unchanged: a cluster that warms may wait for an answer of DNS, of which c-ares takes 5 s to despair.
//
// Source: https://c-ares.org/docs/ares_init_options.html, timeout.
const (
	warmsAtMost   = 6 * time.Second
	differsAtMost = time.Second
)

// lasting is what keeps proxies at one look and the next.
type lasting struct {
	now   scenario.NotInForceError
	since time.Time
}

// note takes in what each pod's proxy lacks, and is the error of what has lasted too long; nil while something is on its way.
func (l *lasting) note(pods []*corev1.Pod, missing []string) error {
	var now scenario.NotInForceError
	patience := differsAtMost
	for i, text := range missing {
		switch {
		case text == "":
			continue
		case strings.HasPrefix(text, stillWarming):
			patience = warmsAtMost
		case !strings.HasPrefix(text, refuses) && !strings.HasPrefix(text, ignores):
			l.since = time.Time{}
			return nil
		}
		now.Proxies = append(now.Proxies, proxyOf(pods[i]).String())
		if !slices.Contains(now.Why, text) {
			now.Why = append(now.Why, text)
		}
	}
	if l.since.IsZero() || now.Error() != l.now.Error() {
		l.now, l.since = now, time.Now()
	}
	if len(now.Why) == 0 || time.Since(l.since) < patience {
		return nil
	}
	return &now
}
