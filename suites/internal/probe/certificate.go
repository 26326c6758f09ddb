package probe

import (
	"crypto/x509"
	"encoding/pem"
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
	return &Certificate{
		Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(),
		DNSNames: leaf.DNSNames, Serial: leaf.SerialNumber.Text(16), NotAfter: leaf.NotAfter,
	}
}
