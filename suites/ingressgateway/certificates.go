package ingressgateway

import (
	"slices"

	"github.com/meshproof/meshproof/certs"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// folder holds the certificates of the book, of which the note has the names: for each host a chain of its own, root, intermediate and a leaf
// with a common name and no other. Authorities have small keys here, because they are made anew for each run.
var folder = certs.NewBundle(slices.Concat(chain(webappHost), chain(catalogHost), chain(simpleHost))...)

func chain(host string) []certs.Command {
	return []certs.Command{
		certs.Root(host+"-root", inSpringfield("root of "+host), certs.WithKey(certs.ECDSAP256)),
		certs.Intermediate(host+"-ca", host+"-root", inSpringfield("intermediate of "+host), certs.WithKey(certs.ECDSAP256)),
		certs.Signed(host, host+"-ca", certs.Leaf{Subject: inSpringfield(host), Usage: certs.ServerUse}),
	}
}

// inSpringfield is a subject of the book.
func inSpringfield(name string) certs.Subject {
	return certs.Subject{C: "US", ST: "Denial", L: "Springfield", O: "Dis", CN: name}
}

// subject is such a subject as RFC 2253 writes it.
func subject(name string) string { return "CN=" + name + ",O=Dis,L=Springfield,ST=Denial,C=US" }

// serial is the serial number of a host's certificate, known when it has been made.
type serial string

// String makes the certificate if nobody has needed it yet.
func (s serial) String() string {
	certificate, err := folder.Certificate(string(s))
	if err != nil {
		return err.Error()
	}
	return certificate.SerialNumber.Text(16)
}

// What the client has on its disk: for each host what its servers' certificates are to be checked with, and one root alone.
const (
	clientFolder = "/etc/curl/tls/"
	rootFile     = clientFolder + "webapp-root.cert.pem"
)

// chainFile is the ca-chain.cert.pem of a host.
func chainFile(host string) string { return clientFolder + host + "-ca-chain.cert.pem" }

// The secrets of the note, and those that it needs without showing them.
var (
	webappCredential  = Secret{Namespace: "istio-system", Name: "webapp-credential", TLS: true, Content: folder.Pair(webappHost)}
	catalogCredential = Secret{Namespace: "istio-system", Name: "catalog-credential", TLS: true, Content: folder.Pair(catalogHost)}
	simpleCertificate = Secret{Namespace: store, Name: simpleHost, TLS: true, Content: folder.Pair(simpleHost)}
	clientFiles       = Secret{Namespace: client.Namespace, Name: "curl-secret", Content: folder.Files(
		webappHost+"-ca-chain.cert.pem="+webappHost+"-ca.chain.crt",
		catalogHost+"-ca-chain.cert.pem="+catalogHost+"-ca.chain.crt",
		simpleHost+"-ca-chain.cert.pem="+simpleHost+"-ca.chain.crt",
		"webapp-root.cert.pem="+webappHost+"-root.crt",
	)}
)
