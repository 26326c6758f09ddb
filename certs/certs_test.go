package certs_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/netip"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/certs"
)

func newAuthority(t *testing.T, subject certs.Subject) *certs.Authority {
	t.Helper()
	authority, err := certs.NewAuthority(subject, certs.WithKey(certs.ECDSAP256))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return authority
}

func TestRootIsTheOneOfThePages(t *testing.T) {
	g := NewWithT(t)
	root, err := certs.NewAuthority(certs.Subject{CN: "example.com", O: "example Inc."})
	g.Expect(err).NotTo(HaveOccurred())

	certificate := root.Certificate()
	g.Expect(certificate.Subject.String()).To(Equal("CN=example.com,O=example Inc."))
	g.Expect(certificate.Issuer.String()).To(Equal(certificate.Subject.String()))
	g.Expect(certificate.IsCA).To(BeTrue())
	g.Expect(certificate.CheckSignatureFrom(certificate)).To(Succeed())
	g.Expect(certificate.PublicKey.(*rsa.PublicKey).N.BitLen()).To(Equal(2048))
	g.Expect(certificate.SignatureAlgorithm).To(Equal(x509.SHA256WithRSA))
	g.Expect(certificate.NotAfter).To(BeTemporally("~", time.Now().AddDate(0, 0, 365), time.Minute))
	g.Expect(certificate.SerialNumber.Sign()).To(Equal(1))
}

func TestLeafVerifies(t *testing.T) {
	root := newAuthority(t, certs.Subject{CN: "example.com", O: "example Inc."})
	for name, test := range map[string]struct {
		leaf  certs.Leaf
		asked x509.VerifyOptions
		want  string // empty: verifies
	}{
		"by DNS name": {
			certs.Leaf{DNSNames: []string{"my-nginx.mesh-external.svc.cluster.local"}, Key: certs.RSA2048},
			x509.VerifyOptions{DNSName: "my-nginx.mesh-external.svc.cluster.local"},
			"",
		},
		"by wildcard":         {certs.Leaf{DNSNames: []string{"*.wikipedia.org"}, Key: certs.ECDSAP256}, x509.VerifyOptions{DNSName: "en.wikipedia.org"}, ""},
		"by address":          {certs.Leaf{IPs: []netip.Addr{netip.MustParseAddr("198.51.100.67")}, Key: certs.ECDSAP256}, x509.VerifyOptions{DNSName: "198.51.100.67"}, ""},
		"not by another name": {certs.Leaf{DNSNames: []string{"map.baidu.com"}, Key: certs.ECDSAP256}, x509.VerifyOptions{DNSName: "www.baidu.com"}, "not www.baidu.com"},
		"not by its common name": {
			certs.Leaf{Subject: certs.Subject{CN: "webapp.istioinaction.io"}, Key: certs.ECDSAP256},
			x509.VerifyOptions{DNSName: "webapp.istioinaction.io"},
			"relies on legacy Common Name",
		},
		"client for a client": {
			certs.Leaf{Usage: certs.ClientUse, Key: certs.ECDSAP256},
			x509.VerifyOptions{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
			"",
		},
		"client not for a server": {
			certs.Leaf{Usage: certs.ClientUse, Key: certs.ECDSAP256},
			x509.VerifyOptions{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}},
			"incompatible key usage",
		},
		"any use for a client": {
			certs.Leaf{Key: certs.ECDSAP256},
			x509.VerifyOptions{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
			"",
		},
		"not after its days": {
			certs.Leaf{Days: 2, Key: certs.ECDSAP256},
			x509.VerifyOptions{CurrentTime: time.Now().AddDate(0, 0, 3)},
			"expired",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			pair, err := root.Issue(test.leaf)
			g.Expect(err).NotTo(HaveOccurred())
			test.asked.Roots = root.Pool()
			_, err = pair.Certificate().Verify(test.asked)
			if test.want == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(ContainSubstring(test.want)))
		})
	}
}

func TestForeignAuthorityIsNotTrusted(t *testing.T) {
	g := NewWithT(t)
	same := certs.Subject{CN: "example.com", O: "example Inc."}
	pair, err := newAuthority(t, same).Issue(certs.Leaf{DNSNames: []string{"edition.cnn.com"}, Key: certs.ECDSAP256})
	g.Expect(err).NotTo(HaveOccurred())

	_, err = pair.Certificate().Verify(x509.VerifyOptions{Roots: newAuthority(t, same).Pool()})

	g.Expect(err).To(BeAssignableToTypeOf(x509.UnknownAuthorityError{}))
}

func TestIntermediate(t *testing.T) {
	g := NewWithT(t)
	root := newAuthority(t, certs.Subject{CN: "root"})
	between, err := root.Intermediate(certs.Subject{CN: "between"}, certs.WithKey(certs.ECDSAP256))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(between.Certificate().MaxPathLenZero).To(BeTrue())
	g.Expect(names(between.ChainPEM())).To(Equal([]string{"between", "root"}))
	g.Expect(names(between.CertPEM())).To(Equal([]string{"between"}))

	pair, err := between.Issue(certs.Leaf{
		Subject:  certs.Subject{CN: "webapp.istioinaction.io", O: "Dis", C: "US", ST: "Denial", L: "Springfield"},
		DNSNames: []string{"webapp.istioinaction.io"}, Key: certs.ECDSAP256,
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(names(pair.CertPEM())).To(Equal([]string{"webapp.istioinaction.io"}))
	g.Expect(names(pair.ChainPEM())).To(Equal([]string{"webapp.istioinaction.io", "between"}))

	_, err = pair.Certificate().Verify(x509.VerifyOptions{Roots: between.Pool()})
	g.Expect(err).To(HaveOccurred(), "a leaf alone does not lead to the root")
	above := x509.NewCertPool()
	above.AddCert(between.Certificate())
	_, err = pair.Certificate().Verify(x509.VerifyOptions{Roots: between.Pool(), Intermediates: above})
	g.Expect(err).NotTo(HaveOccurred())

	_, err = between.Intermediate(certs.Subject{CN: "third"})
	g.Expect(err).To(MatchError(ContainSubstring(`make the intermediate "CN=third" below its root`)))
}

func TestMutualTLS(t *testing.T) {
	g := NewWithT(t)
	root := newAuthority(t, certs.Subject{CN: "root"})
	between, err := root.Intermediate(certs.Subject{CN: "between"}, certs.WithKey(certs.ECDSAP256))
	g.Expect(err).NotTo(HaveOccurred())
	server, err := between.Issue(certs.Leaf{DNSNames: []string{"site.example"}, Usage: certs.ServerUse})
	g.Expect(err).NotTo(HaveOccurred())
	client, err := root.Issue(certs.Leaf{Subject: certs.Subject{CN: "client.example.com"}, Usage: certs.ClientUse})
	g.Expect(err).NotTo(HaveOccurred())

	here, there := net.Pipe()
	answering := tls.Server(there, &tls.Config{
		Certificates: []tls.Certificate{server.TLS()}, ClientCAs: root.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
	})
	asking := tls.Client(here, &tls.Config{Certificates: []tls.Certificate{client.TLS()}, RootCAs: root.Pool(), ServerName: "site.example"})
	done := make(chan error, 1)
	go func() { done <- answering.HandshakeContext(t.Context()) }()
	g.Expect(asking.HandshakeContext(t.Context())).To(Succeed())
	g.Expect(<-done).NotTo(HaveOccurred())
	g.Expect(answering.ConnectionState().PeerCertificates[0].Subject.CommonName).To(Equal("client.example.com"))
}

func TestPEMIsWhatOpenSSLWrites(t *testing.T) {
	root := newAuthority(t, certs.Subject{CN: "root"})
	for _, key := range []certs.Key{certs.RSA2048, certs.ECDSAP256} {
		t.Run(key.String(), func(t *testing.T) {
			g := NewWithT(t)
			pair, err := root.Issue(certs.Leaf{Key: key})
			g.Expect(err).NotTo(HaveOccurred())
			text, err := pair.KeyPEM()
			g.Expect(err).NotTo(HaveOccurred())
			block, rest := pem.Decode(text)
			g.Expect(block.Type).To(Equal("PRIVATE KEY"))
			g.Expect(rest).To(BeEmpty())
			_, err = tls.X509KeyPair(pair.CertPEM(), text)
			g.Expect(err).NotTo(HaveOccurred(), "key and certificate belong together")
		})
	}
}

func TestKeyKinds(t *testing.T) {
	g := NewWithT(t)
	large, err := certs.NewAuthority(certs.Subject{CN: "large"}, certs.WithKey(certs.RSA4096), certs.WithDays(3655))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(large.Certificate().PublicKey.(*rsa.PublicKey).N.BitLen()).To(Equal(4096))
	g.Expect(large.Certificate().NotAfter).To(BeTemporally("~", time.Now().AddDate(0, 0, 3655), time.Minute))
	g.Expect(newAuthority(t, certs.Subject{CN: "small"}).Certificate().PublicKey).To(BeAssignableToTypeOf(&ecdsa.PublicKey{}))

	_, err = certs.NewAuthority(certs.Subject{CN: "odd"}, certs.WithKey(certs.Key(7)))
	g.Expect(err).To(MatchError(`authority "CN=odd": make a Key(7) key: unknown kind, use RSA2048, RSA4096 or ECDSAP256`))
	_, err = large.Issue(certs.Leaf{Subject: certs.Subject{CN: "odd"}, Days: -1})
	g.Expect(err).To(MatchError(`certificate "CN=odd": a validity of -1 days, want at least 1`))
}

// names are the common names of the certificates in text, in order.
func names(text []byte) []string {
	var found []string
	for block, rest := pem.Decode(bytes.TrimSpace(text)); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return append(found, err.Error())
		}
		found = append(found, certificate.Subject.CommonName)
	}
	return found
}

// What the pages' keys cost: those of 4096 bits are made where a page says so, and nowhere else.
func BenchmarkAuthority(b *testing.B) {
	for _, key := range []certs.Key{certs.RSA2048, certs.RSA4096, certs.ECDSAP256} {
		b.Run(key.String(), func(b *testing.B) {
			for b.Loop() {
				if _, err := certs.NewAuthority(certs.Subject{CN: "root"}, certs.WithKey(key)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
