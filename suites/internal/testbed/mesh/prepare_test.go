package mesh

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestSoonNeeded(t *testing.T) {
	secret := func(namespace string) scenario.Need {
		return scenario.Holding(scenario.Secret{Namespace: namespace, Name: "curl-secret"})
	}
	curl, elsewhere, outside := scenario.Curl, scenario.CurlIn("elsewhere"), scenario.CurlIn("outside")
	workloads, secrets := soonNeeded([]scenario.Need{
		scenario.Workload(curl), scenario.Outside(outside), secret("a"), scenario.Site("edition.cnn.com"),
		scenario.Workload(curl), scenario.Workload(elsewhere), secret("a"), scenario.Outside(elsewhere), secret("b"),
	})
	g := NewWithT(t)
	g.Expect(workloads).To(Equal([]scenario.WorkloadNeed{{Peer: curl, Injected: true}, {Peer: outside}}), "each once, and none of those that are wanted both ways")
	g.Expect(secrets).To(HaveExactElements(HaveField("Secret.Namespace", "a"), HaveField("Secret.Namespace", "b")))
}
