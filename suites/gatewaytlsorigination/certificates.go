package gatewaytlsorigination

import (
	"github.com/meshproof/meshproof/certs"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// Names of the pairs of files, without .crt and .key.
const (
	authority = "example.com"
	client    = "client.example.com"
	// namedServer is a certificate for the same server, with its name as a DNS name as well.
	namedServer      = nginxHost + "-san"
	foreignAuthority = "foreign.example"
	foreignClient    = "foreign-client"
)

// clientSubject is the client's name, as nginx prints it.
const clientSubject = "CN=client.example.com,O=client organization"

// files are what the pages' openssl commands make: RSA 2048, 365 days, names as written. The server's certificate has a common name
// and no DNS name, as the blog makes it; the second one is today's page's.
var files = certs.NewBundle(
	certs.Root(authority, certs.Subject{O: "example Inc.", CN: "example.com"}),
	certs.Signed(nginxHost, authority, certs.Leaf{Subject: server()}),
	certs.Signed(namedServer, authority, certs.Leaf{Subject: server(), DNSNames: []string{nginxHost}}),
	certs.Signed(client, authority, certs.Leaf{Subject: certs.Subject{CN: "client.example.com", O: "client organization"}}),
	// Not on the pages: an authority that nginx does not know, and a client with the right name from there.
	certs.Root(foreignAuthority, certs.Subject{O: "foreign Inc.", CN: foreignAuthority}),
	certs.Signed(foreignClient, foreignAuthority, certs.Leaf{Subject: certs.Subject{CN: "client.example.com", O: "client organization"}}),
)

func server() certs.Subject { return certs.Subject{CN: nginxHost, O: "some organization"} }

// serverSecrets are nginx's: its certificate, and the authority whose clients it believes.
func serverSecrets(certificate string) []Step {
	return []Step{
		{
			Says: "Create a Kubernetes Secret to hold the server's certificate",
			Do: CreateSecret(Secret{
				Namespace: "mesh-external", Name: "nginx-server-certs", TLS: true, Content: files.Pair(certificate),
			}),
		},
		{
			Says: "Create a Kubernetes Secret to hold the CA certificate",
			Do: CreateSecret(Secret{
				Namespace: "mesh-external", Name: "nginx-ca-certs", Content: files.Files(authority + ".crt"),
			}),
		},
	}
}

// clientSecrets are the gateway's, to be mounted: its certificate, and the authority whose servers it believes.
func clientSecrets(more ...string) []Step {
	return []Step{
		{
			Says: "Create a Kubernetes Secret to hold the client's certificate",
			Do: CreateSecret(Secret{
				Namespace: "istio-system", Name: "nginx-client-certs", TLS: true, Content: files.Pair(client),
			}),
		},
		{
			Says: "Create a Kubernetes Secret to hold the CA certificate",
			Do: CreateSecret(Secret{
				Namespace: "istio-system", Name: "nginx-ca-certs", Content: files.Files(append([]string{authority + ".crt"}, more...)...),
			}),
		},
	}
}

// credential is a Secret that the gateway gets from istiod, by the name in a rule.
func credential(namespace, name string, sources ...string) Step {
	return Step{
		Says: "Create the Secret " + name + " in " + namespace,
		Do:   CreateSecret(Secret{Namespace: namespace, Name: name, Content: files.Files(sources...)}),
	}
}
