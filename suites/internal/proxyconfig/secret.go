package proxyconfig

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"time"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

// Secret is a certificate or an authority the proxy holds. Private keys are
// dropped while decoding, even the marks Envoy puts in their place.
type Secret struct {
	Resource
	Type SecretType
	// Certificates is the chain, leaf first, or the authorities of a validation
	// context. It is empty while the secret is warming.
	Certificates []Certificate
}

// SecretType is the use of a secret, in the words of istioctl proxy-config secret.
type SecretType string

// The types of secret.
const (
	CertificateChain SecretType = "Cert Chain"
	Authority        SecretType = "CA"
	OtherSecret      SecretType = "other"
)

// Certificate is what can be said about a certificate without giving anything away.
type Certificate struct {
	Subject, Issuer string
	// Serial is in lower-case hexadecimal, as openssl and istioctl print it apart from case.
	Serial              string
	NotBefore, NotAfter time.Time
	DNSNames            []string
	// URIs hold the SPIFFE identity of a workload certificate.
	URIs []string
	// Fingerprint is the SHA-256 of the DER form in lower-case hexadecimal.
	Fingerprint string

	parsed *x509.Certificate
}

// X509 is all of the certificate. Do not change it.
func (c Certificate) X509() *x509.Certificate { return c.parsed }

// ValidAt tells whether the certificate is valid at that time.
func (c Certificate) ValidAt(at time.Time) bool {
	return !at.Before(c.NotBefore) && at.Before(c.NotAfter)
}

// Leaf is the first certificate; the second result is false where there is none.
func (s *Secret) Leaf() (Certificate, bool) {
	if len(s.Certificates) == 0 {
		return Certificate{}, false
	}
	return s.Certificates[0], true
}

func (c *Config) addSecret(e entry, r Resource) error {
	message := &tlsv3.Secret{}
	if err := decode(e.Secret, message); err != nil {
		return err
	}
	r.Kind = KindSecret
	if r.Name == "" {
		r.Name = message.GetName()
	}
	e.Name = r.Name
	c.reject(KindSecret, e)
	secret, err := newSecret(message, r)
	if err != nil {
		return fmt.Errorf("secret %s: %w", r.Name, err)
	}
	c.Secrets = append(c.Secrets, secret)
	return nil
}

// newSecret builds the view from the public parts alone; its JSON is made from
// the view, so that no key can slip through in a field a newer Envoy adds.
func newSecret(message *tlsv3.Secret, r Resource) (*Secret, error) {
	view := &Secret{Resource: r, Type: OtherSecret}
	var chain []byte
	switch {
	case message.GetTlsCertificate() != nil:
		view.Type, chain = CertificateChain, message.GetTlsCertificate().GetCertificateChain().GetInlineBytes()
	case message.GetValidationContext() != nil:
		view.Type, chain = Authority, message.GetValidationContext().GetTrustedCa().GetInlineBytes()
	}
	certificates, err := readCertificates(chain)
	if err != nil {
		return nil, err
	}
	view.Certificates = certificates
	view.raw, err = json.Marshal(map[string]any{"name": r.Name, "type": view.Type, "certificates": certificates})
	return view, err
}

func readCertificates(chain []byte) ([]Certificate, error) {
	var certificates []Certificate
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		parsed, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read certificate: %w", err)
		}
		certificates = append(certificates, newCertificate(parsed))
	}
	return certificates, nil
}

func newCertificate(from *x509.Certificate) Certificate {
	sum := sha256.Sum256(from.Raw)
	view := Certificate{
		Subject:     from.Subject.String(),
		Issuer:      from.Issuer.String(),
		Serial:      from.SerialNumber.Text(16),
		NotBefore:   from.NotBefore,
		NotAfter:    from.NotAfter,
		DNSNames:    from.DNSNames,
		Fingerprint: hex.EncodeToString(sum[:]),
		parsed:      from,
	}
	for _, uri := range from.URIs {
		view.URIs = append(view.URIs, uri.String())
	}
	return view
}
