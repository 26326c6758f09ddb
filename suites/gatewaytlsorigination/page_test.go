package gatewaytlsorigination

import (
	"io/fs"
	"path"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/fixtures/images/packages"
	"github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/pagecheck"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestPagesAreComplete(t *testing.T) {
	for _, page := range []scenario.Page{New(), NewSDS()} {
		t.Run(page.Name, func(t *testing.T) {
			NewWithT(t).Expect(pagecheck.Complete(page, "egress/"+page.Name+"/")).To(Succeed())
		})
	}
}

// Both addresses of edition.cnn.com fit the pattern in a log line, on their port only.
func TestPatternOfCNN(t *testing.T) {
	g := NewWithT(t)
	site, ok := fixtures.SiteByHost("edition.cnn.com")
	g.Expect(ok).To(BeTrue())
	g.Expect(site.Addresses).NotTo(BeEmpty())
	for _, address := range site.Addresses {
		for port, fits := range map[string]bool{":443": true, ":80": false, ":4430": false} {
			line := probe.LogLine{Format: probe.EnvoyHTTP, UpstreamHost: address.String() + port}
			e := probe.Evidence{Fence: map[probe.Peer]bool{scenario.EgressGateway: true}, Logs: map[probe.Peer][]probe.LogLine{scenario.EgressGateway: {line}}}
			g.Expect(match.LoggedBy(scenario.EgressGateway, match.Line{UpstreamHost: toCNN("443")}).Match(e)).To(Equal(fits), address.String()+port)
		}
	}
}

func TestCertificatesAreThoseOfThePages(t *testing.T) {
	g := NewWithT(t)
	root, err := files.Certificate(authority)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(root.Subject.String()).To(Equal("CN=example.com,O=example Inc."))
	g.Expect(root.IsCA).To(BeTrue())
	for name, wanted := range map[string]struct {
		subject  string
		dnsNames []string
	}{
		nginxHost:   {subject: "CN=" + nginxHost + ",O=some organization"},
		namedServer: {subject: "CN=" + nginxHost + ",O=some organization", dnsNames: []string{nginxHost}},
		client:      {subject: clientSubject},
	} {
		certificate, err := files.Certificate(name)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(certificate.Subject.String()).To(Equal(wanted.subject), name)
		g.Expect(certificate.DNSNames).To(Equal(wanted.dnsNames), name)
		g.Expect(certificate.CheckSignatureFrom(root)).To(Succeed(), name)
	}
	foreign, err := files.Certificate(foreignClient)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(foreign.Subject.String()).To(Equal(clientSubject), "only its authority is wrong")
	g.Expect(foreign.CheckSignatureFrom(root)).NotTo(Succeed())
}

// Every Secret of every scenario can be made: its files are those of the bundle.
func TestSecretsCanBeMade(t *testing.T) {
	g := NewWithT(t)
	for _, page := range []scenario.Page{New(), NewSDS()} {
		for _, secret := range secretsOf(page) {
			content, err := secret.Content()
			g.Expect(err).NotTo(HaveOccurred(), secret.Name)
			if secret.TLS {
				g.Expect(content).To(And(HaveLen(2), HaveKey("tls.crt"), HaveKey("tls.key")), secret.Name)
			}
			g.Expect(content).NotTo(BeEmpty(), secret.Name)
		}
	}
}

func secretsOf(page scenario.Page) []scenario.Secret {
	var found []scenario.Secret
	for _, s := range page.Scenarios {
		for _, need := range s.Needs {
			if holding, ok := need.(scenario.SecretNeed); ok {
				found = append(found, holding.Secret)
			}
		}
		for _, step := range s.Steps {
			if create, ok := step.Do.(scenario.SecretAction); ok {
				found = append(found, create.Secret)
			}
		}
	}
	return found
}

// What the rules of the refusals point at is what the scenario mounts.
func TestForeignFilesAreTheOnesInTheRules(t *testing.T) {
	g := NewWithT(t)
	const folder = "/etc/istio/nginx-ca-certs/"
	for file, wanted := range map[string][]string{
		"destinationrule-foreign-client.yaml": {folder + foreignClient + ".crt", folder + foreignClient + ".key"},
		"destinationrule-foreign-ca.yaml":     {folder + foreignAuthority + ".crt"},
	} {
		text, err := manifests.ReadFile("manifests/filemount/refused/" + file)
		g.Expect(err).NotTo(HaveOccurred())
		for _, name := range wanted {
			g.Expect(string(text)).To(ContainSubstring(name+"\n"), file)
		}
	}
}

// The two pages show the same server: what they share is the same to the letter.
func TestPagesShareTheirServer(t *testing.T) {
	g := NewWithT(t)
	shared := []string{
		"server/namespace.yaml", "server/service.yaml", "server/deployment.yaml",
		"gateway/gateway.yaml", "gateway/destinationrule.yaml", "gateway/virtualservice.yaml",
	}
	for _, name := range shared {
		one, err := fs.ReadFile(folder("filemount"), name)
		g.Expect(err).NotTo(HaveOccurred())
		other, err := fs.ReadFile(folder("sds"), name)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(one)).To(Equal(string(other)), path.Base(name))
	}
	mutual, err := fs.ReadFile(folder("sds"), "server/configmap-mutual.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	simple, err := fs.ReadFile(folder("sds"), "server/configmap-simple.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(strings.Replace(string(mutual), "ssl_verify_client on;", "ssl_verify_client off;", 1)).To(Equal(string(simple)))
}

// The images are those that the testbed builds and carries.
func TestImagesAreTheTestbeds(t *testing.T) {
	NewWithT(t).Expect(pagecheck.Images(manifests, packages.WorkloadReference("nginx"))).To(Succeed())
}
