package match

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

func TestHaveCertificate(t *testing.T) {
	e := answer(200, "")
	e.Server = &probe.Certificate{Subject: "CN=a,O=some organization", Issuer: "CN=example.com", DNSNames: []string{"a", "*.wikipedia.org"}, Serial: "1f"}
	const got = `subject "CN=a,O=some organization", issuer "CN=example.com", DNS names ["a" "*.wikipedia.org"], serial 1f`
	check(t, map[string]judged{
		"by its fields":  {promise: HaveCertificate(Leaf{Subject: "CN=a,O=some organization", Serial: "1f"}), on: e, holds: true},
		"by a DNS name":  {promise: HaveCertificate(Leaf{DNSName: "*.wikipedia.org"}), on: e, holds: true},
		"by its issuer":  {promise: HaveCertificate(Leaf{Issuer: ContainSubstring("example")}), on: e, holds: true},
		"one field off":  {promise: HaveCertificate(Leaf{Serial: "1f", Subject: "CN=b"}), on: e, failure: `wanted a certificate with subject "CN=b" and serial "1f", got ` + got},
		"no such name":   {promise: HaveCertificate(Leaf{DNSName: "b"}), on: e, failure: `wanted a certificate with DNS name "b", got ` + got},
		"no certificate": {promise: HaveCertificate(Leaf{DNSName: Not(BeEmpty())}), on: answer(200, ""), failure: "wanted a certificate with DNS name not empty, got no certificate (200 OK)"},
		"no field":       {promise: HaveCertificate(Leaf{}), on: e, misuse: `it needs a field, such as HaveCertificate(Leaf{DNSName: "*.wikipedia.org"})`},
	})
}
