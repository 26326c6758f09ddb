package ingressgateway

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/pagecheck"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestPageIsComplete(t *testing.T) {
	NewWithT(t).Expect(pagecheck.Complete(New(), "ingress/")).To(Succeed())
}

// What a scenario applies again is what a fixture may have brought already: then nothing changes, and no pod is replaced.
func TestTheEchoServerIsTheFixture(t *testing.T) {
	g := NewWithT(t)
	page, err := manifests.ReadFile("manifests/tcp/tcp-echo.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	fixture, err := fixtures.Manifest("tcp-echo.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(page)).To(Equal(string(fixture)))
}

func TestWorkloadsAreFixtures(t *testing.T) {
	for peer, workload := range map[probe.Peer]fixtures.Workload{
		client: fixtures.Curl, webapp: fixtures.Webapp, catalog: fixtures.Catalog, tcpEcho: fixtures.TCPEcho, simpleTLS: fixtures.SimpleTLS,
	} {
		t.Run(peer.String(), func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(peer.Workload).To(Equal(workload.Name))
			g.Expect(peer.Container).To(Equal(workload.Container))
		})
	}
	NewWithT(t).Expect(simpleCertificate.Name).To(Equal(fixtures.SimpleTLSCertificate))
}

// A secret has to be there before the pod that mounts it.
func TestSecretsComeBeforeWorkloads(t *testing.T) {
	for _, s := range New().Scenarios {
		t.Run(s.ID, func(t *testing.T) {
			g := NewWithT(t)
			mounted := map[probe.Peer]bool{}
			for _, need := range s.Needs {
				if held, ok := need.(scenario.SecretNeed); ok {
					mounted[client] = mounted[client] || held.Secret.Name == clientFiles.Name
					mounted[simpleTLS] = mounted[simpleTLS] || held.Secret.Name == simpleCertificate.Name
				}
				if workload, ok := need.(scenario.WorkloadNeed); ok {
					mounts := workload.Peer == client || workload.Peer == simpleTLS
					g.Expect(mounted[workload.Peer]).To(Equal(mounts), workload.Peer.String())
				}
			}
		})
	}
}

// What the client is told to trust is on its disk, and checks what the hosts show.
func TestClientHasItsAuthorities(t *testing.T) {
	g := NewWithT(t)
	files, err := clientFiles.Content()
	g.Expect(err).NotTo(HaveOccurred())
	for _, host := range []string{webappHost, catalogHost, simpleHost} {
		g.Expect(files).To(HaveKey(chainFile(host)[len(clientFolder):]))
		certificate, err := folder.Certificate(host)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(certificate.Subject.String()).To(Equal(subject(host)))
		g.Expect(certificate.Issuer.String()).To(Equal(subject("intermediate of " + host)))
		g.Expect(certificate.DNSNames).To(BeEmpty(), "as in the book")
		g.Expect(serial(host).String()).To(Equal(certificate.SerialNumber.Text(16)))
	}
	g.Expect(files).To(HaveKey(rootFile[len(clientFolder):]))
	for name, text := range files {
		g.Expect(string(text)).NotTo(ContainSubstring("PRIVATE KEY"), name)
	}
	g.Expect(serial("nobody").String()).To(ContainSubstring(`no command makes "nobody.crt"`))
}
