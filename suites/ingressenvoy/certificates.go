package ingressenvoy

import (
	"maps"

	"github.com/meshproof/meshproof/certs"
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// days is the validity that the article's openssl commands ask for.
const days = 3655

// The folders that the article's openssl commands fill, one for each section with certificates: every section makes a ca.crt of its own. The
// certificates of the scenarios' own have smaller keys, because all are made anew for each run.
var (
	tlsFolder = certs.NewBundle(
		authority("ca of the TLS section"),
		certs.Signed("httpbin-tls", "ca", commanded("httpbin-tls", host)),
		certs.Signed("httpbin-tls-renewed", "ca", leaf("httpbin-tls-renewed", host)),
	)
	mutualFolder = certs.NewBundle(
		authority(mutualAuthority),
		certs.Signed("httpbin-mtls", "ca", commanded("httpbin-mtls", mutualHost)),
		certs.Signed("client", "ca", commanded("client", allowedClient)),
		certs.Signed("client-other", "ca", leaf("client-other", "other.istio.client")),
		certs.Root("foreign-ca", commonName("somebody else's ca"), certs.WithDays(days)),
		certs.Signed("client-foreign", "foreign-ca", leaf("client-foreign", allowedClient)),
	)
	dualFolder = certs.NewBundle(
		authority(dualAuthority),
		certs.Signed("httpbin-a-tls", "ca", commanded("httpbin-a-tls", hostA)),
		certs.Signed("httpbin-b-tls", "ca", commanded("httpbin-b-tls", hostB)),
	)
)

const (
	mutualAuthority = "ca of the mTLS section"
	dualAuthority   = "ca of the section with two TLS hosts"
	// allowedClient is the only name under which a client may connect.
	allowedClient = "is5.istio.client"
)

// commonName is a subject. The article's are typed in and not shown.
func commonName(name string) certs.Subject { return certs.Subject{CN: name} }

func leaf(name, dnsName string) certs.Leaf {
	return certs.Leaf{Subject: commonName(name), DNSNames: []string{dnsName}, Days: days}
}

// commanded and authority are the article's own: -newkey rsa:4096 -sha256 -days 3655.
func commanded(name, dnsName string) certs.Leaf {
	article := leaf(name, dnsName)
	article.Key = certs.RSA4096
	return article
}

func authority(name string) certs.Command {
	return certs.Root("ca", commonName(name), certs.WithKey(certs.RSA4096), certs.WithDays(days))
}

// asCommanded is what anybody can see of them.
func asCommanded() Leaf { return Leaf{Key: "RSA 4096", Signature: "SHA256-RSA 4096", Days: days} }

const commandsSay = "its key has 4096 bits, and so has the one that signed it, with SHA-256; it is valid for 3655 days"

// serial is the serial number of a certificate, known when it has been made.
type serial struct {
	folder *certs.Bundle
	name   string
}

// String makes the certificate if nobody has needed it yet.
func (s serial) String() string {
	certificate, err := s.folder.Certificate(s.name)
	if err != nil {
		return err.Error()
	}
	return certificate.SerialNumber.Text(16)
}

// What the client has on its disk.
const (
	clientFolder = "/etc/curl/tls/"
	tlsCA        = clientFolder + "tls-ca.crt"
	mutualCA     = clientFolder + "mtls-ca.crt"
	dualCA       = clientFolder + "dual-ca.crt"
)

var clientFiles = Secret{Namespace: client.Namespace, Name: "curl-secret", Content: all(
	tlsFolder.Files("tls-ca.crt=ca.crt"),
	dualFolder.Files("dual-ca.crt=ca.crt"),
	mutualFolder.Files("mtls-ca.crt=ca.crt", "client.crt", "client.key",
		"client-other.crt", "client-other.key", "client-foreign.crt", "client-foreign.key"),
)}

// all is the content of several at once.
func all(contents ...func() (map[string][]byte, error)) func() (map[string][]byte, error) {
	return func() (map[string][]byte, error) {
		together := map[string][]byte{}
		for _, content := range contents {
			files, err := content()
			if err != nil {
				return nil, err
			}
			maps.Copy(together, files)
		}
		return together, nil
	}
}

// The secrets that the gateway's pod mounts: two by default, two more in the section with two TLS hosts.
var (
	tlsCerts    = inGateway("istio-ingressgateway-certs", tlsFolder.Pair("httpbin-tls"))
	mutualCerts = inGateway("istio-ingressgateway-certs", mutualFolder.Pair("httpbin-mtls"))
	hostACerts  = inGateway("istio-ingressgateway-httpbin-a-certs", dualFolder.Pair("httpbin-a-tls"))
	hostBCerts  = inGateway("istio-ingressgateway-httpbin-b-certs", dualFolder.Pair("httpbin-b-tls"))
	// ownNames is the first with other keys: the names that the files have on the author's disk.
	ownNames = Secret{Namespace: IngressGateway.Namespace, Name: tlsCerts.Name, Content: tlsFolder.Files("httpbin-tls.crt", "httpbin-tls.key")}
	caCerts  = Secret{Namespace: IngressGateway.Namespace, Name: "istio-ingressgateway-ca-certs", Content: mutualFolder.Files("ca.crt")}
)

// The secrets of today's form, by credentialName.
var (
	tlsCredential    = inGateway("httpbin-tls-credential", tlsFolder.Pair("httpbin-tls"))
	renewed          = inGateway("httpbin-tls-credential", tlsFolder.Pair("httpbin-tls-renewed"))
	mutualCredential = Secret{
		Namespace: IngressGateway.Namespace, Name: "httpbin-mtls-credential",
		Content: mutualFolder.Files("tls.crt=httpbin-mtls.crt", "tls.key=httpbin-mtls.key", "ca.crt"),
	}
)

// inGateway is `kubectl create -n istio-system secret tls`.
func inGateway(name string, content func() (map[string][]byte, error)) Secret {
	return Secret{Namespace: IngressGateway.Namespace, Name: name, TLS: true, Content: content}
}

// What these files and secrets are called in an Envoy.
const (
	certsFolder   = "/etc/istio/ingressgateway-certs"
	caCertsFolder = "/etc/istio/ingressgateway-ca-certs"
	certsFolderA  = "/etc/istio/ingressgateway-httpbin-a-certs"
	certsFolderB  = "/etc/istio/ingressgateway-httpbin-b-certs"

	fileCert = "file-cert:" + certsFolder + "/tls.crt~" + certsFolder + "/tls.key"
	fileOwn  = "file-cert:" + certsFolder + "/httpbin-tls.crt~" + certsFolder + "/httpbin-tls.key"
	fileRoot = "file-root:" + caCertsFolder + "/ca.crt"
	fileA    = "file-cert:" + certsFolderA + "/tls.crt~" + certsFolderA + "/tls.key"
	fileB    = "file-cert:" + certsFolderB + "/tls.crt~" + certsFolderB + "/tls.key"

	tlsSDS    = "kubernetes://httpbin-tls-credential"
	mutualSDS = "kubernetes://httpbin-mtls-credential"
)
