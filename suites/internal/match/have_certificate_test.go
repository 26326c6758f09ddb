package match

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

func TestHaveCertificate(t *testing.T) {
	e := answer(200, "")
	e.Server = &probe.Certificate{
		Subject: "CN=a,O=some organization", Issuer: "CN=example.com", DNSNames: []string{"a", "*.wikipedia.org"}, Serial: "1f",
		Key: "RSA 4096", Signature: "SHA256-RSA 2048", NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2026, 1, 31, 0, 5, 0, 0, time.UTC),
	}
	const got = `subject "CN=a,O=some organization", issuer "CN=example.com", DNS names ["a" "*.wikipedia.org"], serial 1f, key RSA 4096, signature SHA256-RSA 2048, 30 days`
	check(t, map[string]judged{
		"by its fields":  {promise: HaveCertificate(Leaf{Subject: "CN=a,O=some organization", Serial: "1f"}), on: e, holds: true},
		"by a DNS name":  {promise: HaveCertificate(Leaf{DNSName: "*.wikipedia.org"}), on: e, holds: true},
		"by its issuer":  {promise: HaveCertificate(Leaf{Issuer: ContainSubstring("example")}), on: e, holds: true},
		"one field off":  {promise: HaveCertificate(Leaf{Serial: "1f", Subject: "CN=b"}), on: e, failure: `wanted a certificate with subject "CN=b" and serial "1f", got ` + got},
		"by its key":     {promise: HaveCertificate(Leaf{Key: "RSA 4096", Signature: "SHA256-RSA 2048", Days: 30}), on: e, holds: true},
		"another key":    {promise: HaveCertificate(Leaf{Key: "RSA 2048"}), on: e, failure: `wanted a certificate with key "RSA 2048", got ` + got},
		"another signer": {promise: HaveCertificate(Leaf{Signature: "SHA256-RSA 4096"}), on: e, failure: `wanted a certificate with signature "SHA256-RSA 4096", got ` + got},
		"a day less":     {promise: HaveCertificate(Leaf{Days: 31}), on: e, failure: `wanted a certificate with days 31, got ` + got},
		"no such name":   {promise: HaveCertificate(Leaf{DNSName: "b"}), on: e, failure: `wanted a certificate with DNS name "b", got ` + got},
		"no certificate": {promise: HaveCertificate(Leaf{DNSName: Not(BeEmpty())}), on: answer(200, ""), failure: "wanted a certificate with DNS name not empty, got no certificate (200 OK)"},
		"no field":       {promise: HaveCertificate(Leaf{}), on: e, misuse: `it needs a field, such as HaveCertificate(Leaf{DNSName: "*.wikipedia.org"})`},
	})
}
