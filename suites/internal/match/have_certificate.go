package match

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// Leaf is a pattern for the certificate that a server presented. Only the fields that are set must fit.
type Leaf struct {
	Subject, Issuer any // as RFC 2253 writes them, "CN=my-nginx.mesh-external.svc.cluster.local,O=some organization"
	DNSName         any // one of its DNS names
	Serial          any // in hexadecimal digits
	Key             any // its kind and size in bits, "RSA 4096"
	Signature       any // how it was signed, with the size of an RSA key of the issuer's: "SHA256-RSA 4096"
	Days            any // how long it is valid, in whole days: openssl's -days
}

// HaveCertificate promises the certificate that the server presented on the last connection.
func HaveCertificate(want Leaf) types.GomegaMatcher {
	return promise{
		name: "HaveCertificate(…)", kind: aRequest,
		judge: func(e probe.Evidence) (finding, error) {
			if want == (Leaf{}) {
				return finding{}, fmt.Errorf("it needs a field, such as HaveCertificate(Leaf{DNSName: %q})", "*.wikipedia.org")
			}
			got := probe.Certificate{}
			if e.Server != nil {
				got = *e.Server
			}
			return want.judge(e, got)
		},
	}
}

func (l Leaf) judge(e probe.Evidence, got probe.Certificate) (finding, error) {
	found := finding{holds: e.Server != nil, got: describe(e)}
	var wanted []string
	for _, field := range []struct {
		name string
		want any
		got  []string
	}{
		{"subject", l.Subject, []string{got.Subject}},
		{"issuer", l.Issuer, []string{got.Issuer}},
		{"DNS name", l.DNSName, got.DNSNames},
		{"serial", l.Serial, []string{got.Serial}},
		{"key", l.Key, []string{got.Key}},
		{"signature", l.Signature, []string{got.Signature}},
		{"days", l.Days, []string{daysOf(got)}},
	} {
		if field.want == nil {
			continue
		}
		ok, says, err := oneOf(e, field.want, field.got)
		if err != nil {
			return finding{}, err
		}
		found.holds = found.holds && ok
		wanted = append(wanted, field.name+" "+says)
	}
	found.wanted = "a certificate with " + strings.Join(wanted, " and ")
	return found, nil
}

// oneOf tells whether one of the values is the wanted one.
func oneOf(e probe.Evidence, want any, values []string) (bool, string, error) {
	_, says, err := compare(e, want, "")
	holds := err == nil && slices.ContainsFunc(values, func(value string) bool {
		ok, _, problem := compare(e, want, value)
		return ok && problem == nil
	})
	return holds, says, err
}

func describe(e probe.Evidence) string {
	if e.Server == nil {
		return "no certificate (" + lastAnswer(e) + ")"
	}
	got := *e.Server
	return fmt.Sprintf("subject %q, issuer %q, DNS names %q, serial %s, key %s, signature %s, %s days",
		got.Subject, got.Issuer, got.DNSNames, got.Serial, got.Key, got.Signature, daysOf(got))
}

func daysOf(c probe.Certificate) string {
	const day = 24 * time.Hour
	return strconv.Itoa(int(c.NotAfter.Sub(c.NotBefore) / day))
}
