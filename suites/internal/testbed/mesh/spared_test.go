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
	g.Expect(f.spare(curl)).To(BeTrue(), "Ensure made it, and makes it again")
	g.Expect(f.fixtures).To(BeEmpty())
	g.Expect(f.spare(curl)).To(BeFalse(), "somebody else made it")
	f.awaitSpared()
	g.Expect(f.pending.rolling).To(HaveKey(HaveField("Workload", "curl")), "the next scenario waits for it")
	g.Expect(f.spared).To(BeEmpty())
}

func TestClustersOfWhatIsSpared(t *testing.T) {
	g := NewWithT(t)
	m := &Mesh{spared: map[key]bool{{kind: deploymentKind, namespace: "without-istio", name: "curl"}: true}}
	cluster := func(name string) proxyconfig.Key { return proxyconfig.Key{Kind: proxyconfig.KindCluster, Name: name} }
	g.Expect(m.isOfSpared(cluster("outbound|80||curl.without-istio.svc.cluster.local"))).To(BeTrue())
	g.Expect(m.isOfSpared(cluster("outbound|80||curl.default.svc.cluster.local"))).To(BeFalse())
	g.Expect(m.isOfSpared(proxyconfig.Key{Kind: proxyconfig.KindRoute, Name: "80"})).To(BeFalse())
}
