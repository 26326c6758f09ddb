package mesh

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestWhatIsSpared(t *testing.T) {
	g := NewWithT(t)
	f := newFakeMesh(t)
	f.options.Workloads = []fixtures.Workload{{Name: "curl"}}
	curl := key{kind: deploymentKind, namespace: "default", name: "curl"}
	g.Expect(f.isSpare(curl)).To(BeFalse(), "nobody knows what is to come")

	f.coming = &scenario.Coming{After: []scenario.Need{scenario.Workload(scenario.Curl)}}
	g.Expect(f.isSpare(curl)).To(BeFalse(), "a scenario needs it")
	g.Expect(f.isSpare(key{kind: deploymentKind, namespace: "elsewhere", name: "curl"})).To(BeTrue())

	f.coming = &scenario.Coming{}
	g.Expect(f.isSpare(curl)).To(BeTrue())
	g.Expect(f.isSpare(key{kind: serviceKind, namespace: "default", name: "curl"})).To(BeFalse(), "proxies know it")
	g.Expect(f.isSpare(key{kind: deploymentKind, namespace: controlPlane, name: "istio-egressgateway"})).To(BeFalse(), "it is no fixture")

	f.fixtures = []made{{target: target{key: curl}, uid: "1"}}
	f.coming.Next = []scenario.Need{scenario.Workload(scenario.Curl)}
	g.Expect(f.spare(curl)).To(BeFalse(), "the next page needs it")
	g.Expect(f.fixtures).To(HaveLen(1), "and Ensure has it to remove")
	f.coming.Next = nil
	g.Expect(f.spare(curl)).To(BeTrue(), "Ensure made it, and nobody needs it")
	g.Expect(f.fixtures).To(BeEmpty())
	g.Expect(f.spare(curl)).To(BeFalse(), "somebody else made it")
	f.awaitSpared()
	g.Expect(f.pending.rolling).To(HaveKey(HaveField("Workload", "curl")), "the next scenario waits for it")
	g.Expect(f.spared).To(BeEmpty())
}

func TestClustersOfWhatComesOrGoes(t *testing.T) {
	g := NewWithT(t)
	m := &Mesh{
		spared: map[key]bool{{kind: deploymentKind, namespace: "without-istio", name: "curl"}: true},
		ahead:  map[key]bool{{kind: serviceKind, namespace: "istioinaction", name: "webapp"}: true},
	}
	cluster := func(name string) proxyconfig.Key { return proxyconfig.Key{Kind: proxyconfig.KindCluster, Name: name} }
	g.Expect(m.comesOrGoes(cluster("outbound|80||curl.without-istio.svc.cluster.local"))).To(BeTrue())
	g.Expect(m.comesOrGoes(cluster("outbound|80||webapp.istioinaction.svc.cluster.local"))).To(BeTrue())
	g.Expect(m.comesOrGoes(cluster("outbound|80||curl.default.svc.cluster.local"))).To(BeFalse())
	g.Expect(m.comesOrGoes(proxyconfig.Key{Kind: proxyconfig.KindRoute, Name: "80"})).To(BeFalse())
}
