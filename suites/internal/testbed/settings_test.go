package testbed

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/scenario"
	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

var (
	built    = images.Set{Source: "packages", Key: "k", Kubernetes: "v1.36.3", NodeImage: "localhost/node:v1", IstioHub: "localhost/istio", IstioTag: "1.31.0", StockEnvoy: true}
	official = images.Set{Source: "registry", Key: "k", Kubernetes: "v1.36.3", NodeImage: "kindest/node:v1", IstioHub: "localhost/istio", IstioTag: "1.31.1", DefaultCNI: true}
)

func TestOperator(t *testing.T) {
	for name, test := range map[string]struct {
		set  images.Set
		env  map[string]any
		tele bool
	}{
		"upstream's Envoy": {built, map[string]any{
			"PILOT_ENABLE_METADATA_EXCHANGE": "false", "PILOT_ENABLE_ALPN_FILTER": "false", "PILOT_DISABLE_MX_ALPN": "true",
			"PILOT_DEBOUNCE_AFTER": "10ms", "GOGC": HeapGrowth,
		}, true},
		"Istio's proxy": {official, map[string]any{"PILOT_DEBOUNCE_AFTER": "10ms", "GOGC": HeapGrowth}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			text, err := operator(test.set, "")
			g.Expect(err).NotTo(HaveOccurred())
			var file map[string]any
			g.Expect(yaml.Unmarshal(text, &file)).To(Succeed())
			at := func(path string) any {
				value, _, err := unstructured.NestedFieldNoCopy(file, strings.Split(path, ".")...)
				g.Expect(err).NotTo(HaveOccurred(), path)
				return value
			}
			g.Expect(at("kind")).To(Equal("IstioOperator"))
			g.Expect(at("spec.profile")).To(Equal("default"))
			g.Expect(at("spec.tag")).To(Equal(test.set.IstioTag))
			g.Expect(at("spec.meshConfig.accessLogFile")).To(Equal("/dev/stdout"))
			g.Expect(at("spec.meshConfig.outboundTrafficPolicy.mode")).To(Equal("ALLOW_ANY"))
			g.Expect(at("spec.components.egressGateways")).To(ConsistOf(And(HaveKeyWithValue("name", "istio-egressgateway"), HaveKeyWithValue("enabled", true))))
			g.Expect(at("spec.values.sidecarInjectorWebhook.templates." + trustTemplate)).To(ContainSubstring(bundleFolder))
			g.Expect(at("spec.values.pilot.env")).To(Equal(test.env))
			_, stated, err := unstructured.NestedBool(file, "spec", "values", "telemetry", "enabled")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(stated).To(Equal(test.tele))
		})
	}
}

func TestTheCompatibilityVersionIsAskedOfTheInstaller(t *testing.T) {
	g := NewWithT(t)
	text, err := operator(built, "1.30")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(MatchRegexp(`(?m)^  compatibilityVersion: "1\.30"$`), "the operator file's own field")
	g.Expect(deviations(built, &engine.Engine{}, "1.30")).To(ContainElement("Istio: compatibilityVersion=1.30: asked for with COMPATIBILITY: defaults are those of that version"))
}

func TestDeviationsSayWhy(t *testing.T) {
	g := NewWithT(t)
	all := deviations(built, &engine.Engine{}, "")
	g.Expect(all).To(HaveEach(MatchRegexp(`^\S.*: \S`)))
	g.Expect(all).To(HaveEach(Not(ContainSubstring("\n"))))
	g.Expect(all).To(ContainElements(
		"Istio: meshConfig.defaultConfig.fileFlushInterval=0.010s: a line of an access log is written after 10 ms, not after Envoy's 1 s",
		HavePrefix("Istio: values.telemetry.enabled=false"), HavePrefix("network: static routes")))
	g.Expect(deviations(official, &engine.Engine{}, "")).NotTo(ContainElement(Or(HavePrefix("Istio: values.telemetry"), HavePrefix("network:"))))
}

func TestFacts(t *testing.T) {
	g := NewWithT(t)
	set := built
	set.Images = []images.Image{{Name: "site", Reference: "localhost/site:v1", Digest: "sha256:1"}}
	e := &engine.Engine{Name: "podman", Version: "5.4.0", Workarounds: []engine.Workaround{{Name: "a", Reason: "b"}}}
	f := (&Bed{Set: set, Engine: e, running: runs("v1.36.3", "1.31.0", "1.40.0")}).facts()
	g.Expect([]string{f.Kubernetes, f.Istio, f.Envoy}).To(Equal([]string{"v1.36.3", "1.31.0", "1.40.0"}), "as they say themselves")
	g.Expect(f.Engine).To(Equal("podman 5.4.0"))
	g.Expect(f.Provider).To(MatchRegexp(`^kind v\d+\.\d+`))
	g.Expect(f.Images).To(Equal(map[string]string{"localhost/site:v1": "sha256:1"}))
	g.Expect(f.Workarounds).To(Equal([]string{"a: b"}))
	g.Expect(f.Capabilities).To(HaveKeyWithValue(string(scenario.IstioProxy), false))
	g.Expect(f.Capabilities).To(HaveKeyWithValue(string(scenario.NetworkPolicyEnforced), true))
	unproven := &Bed{Set: set, Engine: e, unenforced: "kindnet leaves them alone"}
	g.Expect(unproven.Lacks()).To(HaveKeyWithValue(scenario.NetworkPolicyEnforced, "kindnet leaves them alone"))
	g.Expect(unproven.facts().Capabilities).To(HaveKeyWithValue(string(scenario.NetworkPolicyEnforced), false))
	g.Expect(f.Provenance).To(ContainElements(
		HaveField("In", []string{"node", "this machine", "site"}), HaveField("What", ContainElement("podman 5.4.0")), HaveField("What", ContainElement("meshproof"))))
	g.Expect(f.Deviations).To(ContainElement("images: nobody wrote down where they come from: node, this machine, site"), "as where an older meshproof made them")
	set.Provenance = []images.Provenance{{What: []string{"site"}, In: []string{"node", "this machine", "site"}}}
	f = (&Bed{Set: set, Engine: e}).facts()
	g.Expect(f.Provenance).To(HaveLen(3))
	g.Expect(f.Deviations).NotTo(ContainElement(ContainSubstring("nobody wrote down")))
	pinned := official
	pinned.Official, pinned.Provisional = map[string]string{"istio/istioctl:1": "sha256:2"}, []string{"istio/istioctl:1 is unpinned (tag)"}
	f = (&Bed{Set: pinned, Engine: e}).facts()
	g.Expect(f.Images).To(HaveKeyWithValue("istio/istioctl:1", "sha256:2"))
	g.Expect(f.Provisional).To(Equal(pinned.Provisional))
	g.Expect(f.Deviations).To(ContainElement("images: istio/istioctl:1 is unpinned (tag)"))
	rehearsed := pinned
	rehearsed.StandIns = map[string]images.StandIn{"istio/istioctl:1": {}}
	f = (&Bed{Set: rehearsed, Engine: e}).facts()
	g.Expect(f.ImageSource).To(Equal("registry, rehearsed: stand-ins, no official image was run"), "it is in the header of every form of the report")
	g.Expect((&Bed{Set: official, Engine: e}).facts().Capabilities).To(HaveKeyWithValue(string(scenario.IstioProxy), true))
}

func TestKindConfig(t *testing.T) {
	g := NewWithT(t)
	plain := kindConfig(official, &engine.Engine{})
	g.Expect(plain.Networking.DisableDefaultCNI).To(BeFalse())
	g.Expect(plain.KubeadmConfigPatches).To(ConsistOf(ContainSubstring("minSyncPeriod: 10ms"), ContainSubstring("unsafe-no-fsync"), ContainSubstring("GOGC")))
	g.Expect(plain.ContainerdConfigPatches).To(BeEmpty())
	g.Expect(plain.Nodes).To(ConsistOf(HaveField("Image", "kindest/node:v1")))

	poor := kindConfig(built, &engine.Engine{LegacyCgroups: true, Unprivileged: true})
	g.Expect(poor.Networking.DisableDefaultCNI).To(BeTrue())
	g.Expect(poor.KubeadmConfigPatches).To(ConsistOf(ContainSubstring("minSyncPeriod: 10ms"), ContainSubstring("unsafe-no-fsync"), ContainSubstring("GOGC"), ContainSubstring("failCgroupV1: false")))
	g.Expect(poor.ContainerdConfigPatches).To(ConsistOf(ContainSubstring("restrict_oom_score_adj = true")))
}

func TestFingerprint(t *testing.T) {
	g := NewWithT(t)
	e := &engine.Engine{Name: "podman", Version: "1"}
	print, err := fingerprint(built, e, "")
	g.Expect(err).NotTo(HaveOccurred())
	held := signature(print, "run").Object["data"].(map[string]any)
	data := map[string]string{}
	for key, value := range held {
		g.Expect(key).To(MatchRegexp(`^[-._a-zA-Z0-9]+$`), "a ConfigMap takes no other keys")
		data[key] = value.(string)
	}
	g.Expect(print.changes(data)).To(BeEmpty())
	again, err := fingerprint(built, &engine.Engine{Name: "podman", Version: "2"}, "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again.changes(data)).To(BeEmpty(), "an engine that was updated runs the same cluster")

	other := built
	other.Key, other.IstioTag = "another", "1.32.0"
	changed, err := fingerprint(other, e, "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(changed.changes(data)).To(Equal([]string{"Istio settings", "images"}))
	older, err := fingerprint(built, e, "1.30")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(older.changes(data)).To(Equal([]string{"Istio settings"}))
	poor, err := fingerprint(built, &engine.Engine{LegacyCgroups: true}, "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(poor.changes(data)).To(Equal([]string{"node"}))
	g.Expect(print.changes(nil)).To(HaveLen(len(print)), "a cluster that was never finished")
}

func TestIssue(t *testing.T) {
	g := NewWithT(t)
	made, err := issue()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(made.root).NotTo(ContainSubstring("PRIVATE KEY"))
	roots := x509.NewCertPool()
	g.Expect(roots.AppendCertsFromPEM([]byte(made.root))).To(BeTrue())
	for _, wanted := range fixtures.Certificates() {
		pair, err := tls.X509KeyPair([]byte(made.secrets[wanted.CertFile()]), []byte(made.secrets[wanted.KeyFile()]))
		g.Expect(err).NotTo(HaveOccurred(), wanted.Name)
		for _, name := range wanted.DNSNames {
			_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: strings.ReplaceAll(name, "*", "any")})
			g.Expect(err).NotTo(HaveOccurred(), name)
		}
	}
	g.Expect(made.secrets).To(HaveLen(2 * len(fixtures.Certificates())))
}

func TestCorefile(t *testing.T) {
	g := NewWithT(t)
	text := corefile()
	g.Expect(strings.Count(text, "{")).To(Equal(strings.Count(text, "}")))
	g.Expect(text).NotTo(ContainSubstring("forward"), "nothing leaves the cluster")
	for _, site := range fixtures.Sites {
		for _, tenant := range site.Tenants {
			g.Expect(text).To(MatchRegexp(`(?m)^([\w.:-]+ )*` + tenant.Host + `:53 .*\{$`))
			for _, address := range site.Addresses {
				g.Expect(text).To(ContainSubstring("        " + address.String() + " " + tenant.Host + "\n"))
			}
		}
	}
}

// CoreDNS does not start on a configuration that names a plugin it was built without.
func TestCoreDNSHasThePluginsOfTheCorefile(t *testing.T) {
	g := NewWithT(t)
	program, err := os.ReadFile("../../../fixtures/images/packages/node/coredns/main.go")
	g.Expect(err).NotTo(HaveOccurred())
	for _, named := range regexp.MustCompile(`(?m)^    ([a-z]+)`).FindAllStringSubmatch(corefile(), -1) {
		plugin := strings.Replace(named[1], "prometheus", "metrics", 1) // the one whose folder has another name
		g.Expect(string(program)).To(ContainSubstring(`"github.com/coredns/coredns/plugin/` + plugin + `"`))
	}
}

func TestKindLog(t *testing.T) {
	g := NewWithT(t)
	var out bytes.Buffer
	var steps []string
	log := &kindLog{out: &out, step: func(text string) { steps = append(steps, text) }}
	log.V(0).Infof(" • %s  ...\n", "Starting control-plane 🕹️")
	log.V(0).Infof(" ✓ %s\n", "Starting control-plane 🕹️")
	log.V(1).Info(" • a detail ...")
	log.Warnf("%d warnings", 1)
	g.Expect(steps).To(Equal([]string{"Starting control-plane"}))
	g.Expect(out.String()).To(And(ContainSubstring("✓"), ContainSubstring("a detail"), ContainSubstring("warning: 1 warnings\n")))
	g.Expect(log.V(1).Enabled()).To(BeTrue())
	g.Expect(log.V(3).Enabled()).To(BeFalse())
}

func TestEvidenceHoldsNoKey(t *testing.T) {
	g := NewWithT(t)
	made, err := issue()
	g.Expect(err).NotTo(HaveOccurred())
	b := &builder{options: Options{Evidence: t.TempDir()}, home: atHome(t, "one")}
	text, err := json.Marshal(made.secrets)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(b.home.make()).To(Succeed())
	g.Expect(os.WriteFile(b.home.file(kindLogFile), text, 0o600)).To(Succeed())
	g.Expect(os.MkdirAll(b.evidenceFolder(), 0o700)).To(Succeed())
	g.Expect(b.keepFile(kindLogFile)).To(Succeed())
	g.Expect(b.keepFile(istioLogFile)).To(Succeed(), "it did not come that far")
	raw, err := os.ReadFile(filepath.Join(b.evidenceFolder(), kindLogFile))
	g.Expect(err).NotTo(HaveOccurred())
	kept := string(raw)
	g.Expect(kept).NotTo(ContainSubstring("BEGIN PRIVATE KEY"))
	g.Expect(kept).To(ContainSubstring("BEGIN CERTIFICATE"))
}
