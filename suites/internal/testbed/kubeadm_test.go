package testbed

import (
	"os"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/e2e-framework/klient/decoder"

	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// configuredAs reads a cluster with the objects that kubeadm of this version has made, after replacements in their text.
func configuredAs(t *testing.T, version string, replacements ...string) configured {
	t.Helper()
	g := NewWithT(t)
	text, err := os.ReadFile("testdata/kubernetes-" + version + ".yaml")
	g.Expect(err).NotTo(HaveOccurred())
	edited := strings.NewReplacer(replacements...).Replace(string(text))
	objects, err := decoder.DecodeAll(t.Context(), strings.NewReader(edited))
	g.Expect(err).NotTo(HaveOccurred())
	var all []runtime.Object
	for _, o := range objects {
		all = append(all, o)
	}
	c, err := readConfigured(t.Context(), fake.NewClientset(all...))
	g.Expect(err).NotTo(HaveOccurred())
	return c
}

func TestEveryChangeShowsInWhatKubeadmMakes(t *testing.T) {
	g := NewWithT(t)
	legacy := &engine.Engine{LegacyCgroups: true}
	for _, version := range []string{"v1.35.4", "v1.36.3"} {
		g.Expect(configuredAs(t, version).without(changesOf(version, legacy))).To(BeEmpty(), version)
	}
	for _, one := range changesOf("v1.36.3", legacy) {
		g.Expect(one.shows).NotTo(BeEmpty(), one.patch)
		g.Expect(configured{}.without([]change{one})).To(HaveLen(len(one.shows)), one.patch)
	}
}

func TestAChangeWithoutEffectIsNamed(t *testing.T) {
	legacy := &engine.Engine{LegacyCgroups: true}
	for name, test := range map[string]struct {
		replaced []string
		want     []string
	}{
		"an argument": {[]string{"--unsafe-no-fsync=true", "--unsafe-no-fsync=false"}, []string{"etcd runs without --unsafe-no-fsync=true"}},
		"a variable": {[]string{"value: '300'", "value: '100'"}, []string{
			"etcd runs without GOGC=300", "kube-apiserver runs without GOGC=300", "kube-controller-manager runs without GOGC=300", "kube-scheduler runs without GOGC=300",
		}},
		"kube-proxy's period": {[]string{"minSyncPeriod: 10ms", "minSyncPeriod: 1s"}, []string{"kube-proxy runs without iptables.minSyncPeriod=10ms"}},
		"the kubelet's field": {[]string{"failCgroupV1: false\n", "\n"}, []string{"kubelet runs without failCgroupV1=false"}},
		"a pod":               {[]string{"component: kube-scheduler", "component: another"}, []string{"kube-scheduler runs without GOGC=300"}},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(configuredAs(t, "v1.36.3", test.replaced...).without(changesOf("v1.36.3", legacy))).To(Equal(test.want))
		})
	}
}

// kind writes v1beta3 for these, which has no environment: Go's default stays, and nothing else is said.
func TestAKubernetesWithoutEnvironmentIsNotSaidToHaveOne(t *testing.T) {
	g := NewWithT(t)
	older, newer := built, built
	older.Kubernetes, newer.Kubernetes = "v1.35.4", "v1.36.3"
	e := &engine.Engine{}
	g.Expect(deviations(older, e, "")).NotTo(ContainElement(ContainSubstring("control plane GOGC")))
	g.Expect(deviations(newer, e, "")).To(ContainElement("Kubernetes' control plane GOGC=300: memory is spent where two cores would collect garbage"))
	g.Expect(configuredAs(t, "v1.35.4").without([]change{rareCollections})).To(HaveLen(4))
	g.Expect(kindConfig(older, e).KubeadmConfigPatches).To(ConsistOf(
		ContainSubstring("minSyncPeriod: 10ms"), And(ContainSubstring("unsafe-no-fsync"), Not(ContainSubstring("apiVersion")))))
}

func TestAConfigurationThatCannotBeReadIsSaid(t *testing.T) {
	g := NewWithT(t)
	_, err := readConfigured(t.Context(), fake.NewClientset())
	g.Expect(err).To(MatchError(HavePrefix("read the configuration of the kube")))
}
