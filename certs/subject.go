package certs

import (
	"crypto/x509/pkix"
	"strings"
)

// Subject is a distinguished name with the attributes the pages use, named as in `openssl req -subj`.
type Subject struct {
	CN string // common name
	O  string // organization
	C  string // country, two letters
	ST string // state or province
	L  string // locality
}

// String is the subject as openssl prints it, such as "O=example Inc., CN=example.com".
func (s Subject) String() string {
	var parts []string
	for _, attribute := range [...]struct{ name, value string }{{"C", s.C}, {"ST", s.ST}, {"L", s.L}, {"O", s.O}, {"CN", s.CN}} {
		if attribute.value != "" {
			parts = append(parts, attribute.name+"="+attribute.value)
		}
	}
	return strings.Join(parts, ", ")
}

func (s Subject) name() pkix.Name {
	return pkix.Name{
		CommonName:   s.CN,
		Organization: list(s.O),
		Country:      list(s.C),
		Province:     list(s.ST),
		Locality:     list(s.L),
	}
}

// list leaves an empty attribute out of the name instead of writing it empty.
func list(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
