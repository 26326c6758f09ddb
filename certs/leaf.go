package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
)

// Usage is what a leaf may be used for.
type Usage int

// The usages of the pages. The zero value writes no extended key usage, which is what `openssl x509 -req` without an
// extension file does and what every verifier accepts for both sides.
const (
	AnyUse Usage = iota
	ServerUse
	ClientUse
)

func (u Usage) extended() []x509.ExtKeyUsage {
	switch u {
	case ServerUse:
		return []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	case ClientUse:
		return []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	case AnyUse:
	}
	return nil
}

// Leaf describes a certificate to issue. Without DNSNames and IPs it has a common name only, as the older pages make them:
// curl and openssl accept that, Go and Envoy's name check do not.
type Leaf struct {
	Subject  Subject
	DNSNames []string // wildcards allowed, "*.wikipedia.org"
	IPs      []netip.Addr
	Usage    Usage
	Key      Key
	Days     int // 0: DefaultDays
}

// Issue signs a leaf with a key of its own.
func (a *Authority) Issue(leaf Leaf) (Pair, error) {
	if leaf.Days == 0 {
		leaf.Days = DefaultDays
	}
	template, err := newTemplate(leaf.Subject, leaf.Days)
	if err != nil {
		return Pair{}, fmt.Errorf("certificate %q: %w", leaf.Subject, err)
	}
	template.DNSNames = leaf.DNSNames
	template.ExtKeyUsage = leaf.Usage.extended()
	template.KeyUsage = x509.KeyUsageDigitalSignature
	if leaf.Key != ECDSAP256 {
		template.KeyUsage |= x509.KeyUsageKeyEncipherment // RSA key exchange of TLS 1.2
	}
	for _, address := range leaf.IPs {
		template.IPAddresses = append(template.IPAddresses, net.IP(address.AsSlice()))
	}
	key, err := leaf.Key.generate()
	if err != nil {
		return Pair{}, fmt.Errorf("certificate %q: %w", leaf.Subject, err)
	}
	certificate, err := a.sign(template, key)
	if err != nil {
		return Pair{}, fmt.Errorf("certificate %q: %w", leaf.Subject, err)
	}
	return Pair{cert: certificate, between: a.intermediates(), key: key}, nil
}

// Pair is a certificate and its private key. It prints and encodes without the key; KeyPEM and TLS are the only ways to it.
type Pair struct {
	cert    *x509.Certificate
	between []*x509.Certificate // from the leaf's issuer up to, not including, the root
	key     secret
}

// Certificate is the leaf. Do not change it.
func (p Pair) Certificate() *x509.Certificate { return p.cert }

// CertPEM is the leaf alone, tls.crt of the pages' Secrets.
func (p Pair) CertPEM() []byte { return encode(p.cert) }

// ChainPEM is the leaf followed by its intermediates, without the root: what a server with a complete chain sends.
func (p Pair) ChainPEM() []byte {
	return encode(append([]*x509.Certificate{p.cert}, p.between...)...)
}

// KeyPEM is the private key in PKCS #8, tls.key of the pages' Secrets. It belongs into memory and Kubernetes Secrets only.
func (p Pair) KeyPEM() ([]byte, error) { return p.key.pem() }

// TLS is the pair with its intermediates as crypto/tls wants it.
func (p Pair) TLS() tls.Certificate {
	chain := [][]byte{p.cert.Raw}
	for _, certificate := range p.between {
		chain = append(chain, certificate.Raw)
	}
	return tls.Certificate{Certificate: chain, PrivateKey: p.key(), Leaf: p.cert}
}
