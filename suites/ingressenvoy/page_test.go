package ingressenvoy

import (
	"os"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/pagecheck"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestPageIsComplete(t *testing.T) {
	NewWithT(t).Expect(pagecheck.Complete(New(), "ingress-envoy/")).To(Succeed())
}

// The teapot is the fixture's, to the byte, and as long as the article says.
func TestTeapotIsTheFixtures(t *testing.T) {
	g := NewWithT(t)
	served, err := os.ReadFile("../../fixtures/site/teapot.txt")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(drawing).To(Equal(string(served)))
	g.Expect(drawing).To(HaveLen(135))
}

// Every workload that the page talks to or from is a fixture, with the container that is named here.
func TestWorkloadsAreFixtures(t *testing.T) {
	g := NewWithT(t)
	containers := map[string]string{}
	for _, workload := range fixtures.Workloads {
		containers[workload.Name] = workload.Container
	}
	for _, peer := range []struct{ workload, container string }{
		{client.Workload, client.Container},
		{httpbin.Workload, httpbin.Container},
		{httpbinA.Workload, httpbinA.Container},
		{httpbinB.Workload, httpbinB.Container},
	} {
		g.Expect(containers).To(HaveKeyWithValue(peer.workload, peer.container))
	}
}

// What is served, mounted and checked is what the openssl commands made: names, authorities, and one that is nobody's here.
func TestCertificates(t *testing.T) {
	g := NewWithT(t)
	for _, secret := range []scenario.Secret{clientFiles, tlsCerts, mutualCerts, caCerts, ownNames, hostACerts, hostBCerts, tlsCredential, renewed, mutualCredential} {
		content, err := secret.Content()
		g.Expect(err).NotTo(HaveOccurred(), secret.Name)
		again, err := secret.Content()
		g.Expect(err).NotTo(HaveOccurred(), secret.Name)
		g.Expect(content).NotTo(BeEmpty(), secret.Name)
		g.Expect(again).To(Equal(content), secret.Name+" is made once")
		if secret.TLS {
			g.Expect(content).To(And(HaveLen(2), HaveKey("tls.crt"), HaveKey("tls.key")), secret.Name)
		}
	}
	for _, made := range []struct {
		certificate serial
		issuer      string
		dnsName     string
		ours        bool // no command of the article makes it
	}{
		{serial{tlsFolder, "httpbin-tls"}, "ca", host, false},
		{serial{tlsFolder, "httpbin-tls-renewed"}, "ca", host, true},
		{serial{mutualFolder, "httpbin-mtls"}, "ca", mutualHost, false},
		{serial{mutualFolder, "client"}, "ca", allowedClient, false},
		{serial{mutualFolder, "client-other"}, "ca", "other.istio.client", true},
		{serial{mutualFolder, "client-foreign"}, "foreign-ca", allowedClient, true},
		{serial{dualFolder, "httpbin-a-tls"}, "ca", hostA, false},
		{serial{dualFolder, "httpbin-b-tls"}, "ca", hostB, false},
	} {
		folder, name := made.certificate.folder, made.certificate.name
		issuer, err := folder.Certificate(made.issuer)
		g.Expect(err).NotTo(HaveOccurred())
		leaf, err := folder.Certificate(name)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(leaf.CheckSignatureFrom(issuer)).To(Succeed(), name)
		g.Expect(leaf.DNSNames).To(ConsistOf(made.dnsName))
		want := asCommanded()
		if made.ours {
			want = match.Leaf{Days: days}
		}
		seen := probe.NewCertificate(leaf)
		g.Expect(probe.Evidence{Server: &seen}).To(match.HaveCertificate(want), name)
		g.Expect(made.certificate.String()).To(Equal(leaf.SerialNumber.Text(16)))
	}
	g.Expect(serial{tlsFolder, "nobody"}.String()).To(ContainSubstring(`no command makes "nobody.crt"`))
}

// The files that curl is told of are those that the client has.
func TestClientHasTheFiles(t *testing.T) {
	g := NewWithT(t)
	content, err := clientFiles.Content()
	g.Expect(err).NotTo(HaveOccurred())
	for _, s := range New().Scenarios {
		for _, step := range s.Steps {
			send, ok := step.Do.(scenario.SendAction)
			if !ok {
				continue
			}
			for _, file := range []string{send.Probe.TLS.CACert, send.Probe.TLS.Cert, send.Probe.TLS.Key} {
				if file != "" {
					g.Expect(content).To(HaveKey(strings.TrimPrefix(file, clientFolder)), s.ID+": "+step.Says)
				}
			}
		}
	}
}

// A request to the gateway reaches it by its service's address, whatever its host and port: nothing of it can leave the cluster.
func TestEveryRequestIsResolved(t *testing.T) {
	g := NewWithT(t)
	for _, s := range New().Scenarios {
		for _, step := range s.Steps {
			send, ok := step.Do.(scenario.SendAction)
			if !ok {
				continue
			}
			scheme, rest, _ := strings.Cut(send.Probe.URL, "://")
			authority, _, _ := strings.Cut(rest, "/")
			if !strings.Contains(authority, ":") {
				authority += map[string]string{"http": ":80", "https": ":443"}[scheme]
			}
			g.Expect(send.Probe.Resolve).To(ContainElement(HavePrefix(authority+":${")), s.ID+": "+step.Says)
			if send.Probe.Follow {
				g.Expect(send.Probe.Resolve).To(ContainElement(HavePrefix(strings.TrimSuffix(authority, ":80")+":443:${")), s.ID)
			}
		}
	}
}

// Only scenarios of the section with two TLS hosts, and those that follow it, need another installation: it takes seconds.
func TestInstallationIsSharedByNeighbours(t *testing.T) {
	g := NewWithT(t)
	changes := 0
	before := false
	for _, s := range New().Scenarios {
		now := false
		for _, need := range s.Needs {
			if _, ok := need.(scenario.InstallNeed); ok {
				now = true
			}
		}
		if now != before {
			changes++
		}
		before = now
	}
	g.Expect(changes).To(Equal(2), "there, and back")
}
