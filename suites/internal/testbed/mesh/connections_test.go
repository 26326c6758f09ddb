package mesh

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// A sidecar's own pod is counted where it sends: fences and probes come in elsewhere, and every worker counts once more.
func TestCountConnections(t *testing.T) {
	g := NewWithT(t)
	counted, err := countConnections(proxyconfig.Stats{
		"listener.0.0.0.0_15001.downstream_cx_active":          0,
		"listener.0.0.0.0_15001.downstream_cx_total":           7,
		"listener.0.0.0.0_15001.worker_0.downstream_cx_total":  7,
		"listener.0.0.0.0_15006.downstream_cx_total":           9,
		"listener.0.0.0.0_15021.downstream_cx_active":          1,
		"listener.0.0.0.0_15021.downstream_cx_total":           99,
		"listener.0.0.0.0_15001.worker_0.downstream_cx_active": 3,
		"listener.10.96.0.7_443.downstream_cx_active":          2,
		"listener.10.96.0.7_443.downstream_cx_total":           5,
		"listener.0.0.0.0_15006.downstream_cx_active":          4,
		"listener.admin.main_thread.downstream_cx_active":      1,
		"listener.admin.downstream_cx_active":                  1,
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(counted).To(Equal(connections{
		at:       map[string]uint64{"0.0.0.0_15001": 0, "10.96.0.7_443": 2},
		accepted: map[string]uint64{"0.0.0.0_15001": 7, "10.96.0.7_443": 5},
	}))
	g.Expect(counted.open()).To(Equal(uint64(2)))
	g.Expect(counted.open(43)).To(Equal(uint64(2)))
	g.Expect(counted.open(443)).To(BeZero(), "what was sent there is our own")
	_, err = countConnections(proxyconfig.Stats{})
	g.Expect(err).To(MatchError(errNoCounters))
}

// A listener that an earlier step removed goes with its count while a question is under way: that question's line is owed all the same.
func TestAListenerThatGoesHidesNoConnection(t *testing.T) {
	g := NewWithT(t)
	before := connections{accepted: map[string]uint64{"0.0.0.0_15001": 7, "10.96.0.7_443": 5}}
	g.Expect(connections{accepted: map[string]uint64{"0.0.0.0_15001": 8}}.acceptedSince(before)).To(BeTrue())
	g.Expect(connections{accepted: map[string]uint64{"0.0.0.0_15001": 7, "10.96.0.9_443": 1}}.acceptedSince(before)).To(BeTrue(), "a new listener's first")
	g.Expect(connections{accepted: map[string]uint64{"0.0.0.0_15001": 7}}.acceptedSince(before)).To(BeFalse(), "nobody came")
}
