package probe

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
)

// parseLeaf reads the first certificate of curl's %{certs}: the leaf that the server presented; nil when there was none.
func parseLeaf(certs []byte) *Certificate {
	block, _ := pem.Decode(certs)
	if block == nil {
		return nil
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		// It was presented, and curl took it: say so rather than claim that there was no TLS.
		return &Certificate{Subject: "unreadable certificate: " + err.Error()}
	}
	certificate := NewCertificate(leaf)
	return &certificate
}

// NewCertificate is what matters of a certificate.
func NewCertificate(from *x509.Certificate) Certificate {
	return Certificate{
		Subject: from.Subject.String(), Issuer: from.Issuer.String(), DNSNames: from.DNSNames, Serial: from.SerialNumber.Text(16),
		Key: keyOf(from), Signature: signatureOf(from), NotBefore: from.NotBefore, NotAfter: from.NotAfter,
	}
}

// keyOf is a certificate's public key its kind and its size in bits.
func keyOf(certificate *x509.Certificate) string {
	switch key := certificate.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return fmt.Sprintf("ECDSA %d", key.Curve.Params().BitSize)
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return certificate.PublicKeyAlgorithm.String()
}

// signatureOf is how a certificate was signed. An RSA signature is as long as the key that made it (RFC 8017, section 8.2.1).
func signatureOf(certificate *x509.Certificate) string {
	algorithm := certificate.SignatureAlgorithm.String()
	if strings.HasSuffix(algorithm, "-RSA") {
		return fmt.Sprintf("%s %d", algorithm, 8*len(certificate.Signature))
	}
	return algorithm
}
