package certs

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"time"
)

// DefaultDays is the validity of authorities and leaves that name none: -days 365 on the pages.
const DefaultDays = 365

// skew is how far a certificate is dated back: the clocks of host, node and pods may differ.
const skew = 5 * time.Minute

// Authority signs certificates: a self-signed root (`openssl req -x509`) or an intermediate below one. It prints without its key.
type Authority struct {
	cert   *x509.Certificate
	issuer *Authority // nil for a root
	key    secret
}

// Option changes how an authority is made.
type Option func(*authorityOptions)

type authorityOptions struct {
	key  Key
	days int
}

// WithKey chooses the kind of the authority's own key; RSA2048 without it.
func WithKey(k Key) Option { return func(o *authorityOptions) { o.key = k } }

// WithDays sets the authority's validity in days; DefaultDays without it.
func WithDays(n int) Option { return func(o *authorityOptions) { o.days = n } }

// NewAuthority makes a self-signed root.
func NewAuthority(subject Subject, opts ...Option) (*Authority, error) {
	return makeAuthority(nil, subject, opts)
}

// Intermediate makes an authority signed by this one. It may sign leaves only (pathlen:0, as on the pages).
func (a *Authority) Intermediate(subject Subject, opts ...Option) (*Authority, error) {
	if a.issuer != nil {
		return nil, fmt.Errorf("authority %q is an intermediate with path length 0: make the intermediate %q below its root", a.cert.Subject, subject)
	}
	return makeAuthority(a, subject, opts)
}

func makeAuthority(issuer *Authority, subject Subject, opts []Option) (*Authority, error) {
	settings := authorityOptions{days: DefaultDays}
	for _, apply := range opts {
		apply(&settings)
	}
	key, err := settings.key.generate()
	if err != nil {
		return nil, fmt.Errorf("authority %q: %w", subject, err)
	}
	template, err := newTemplate(subject, settings.days)
	if err != nil {
		return nil, fmt.Errorf("authority %q: %w", subject, err)
	}
	template.IsCA = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	template.MaxPathLenZero = issuer != nil
	authority := &Authority{issuer: issuer, key: key}
	authority.cert, err = authority.signer(template).sign(template, key)
	if err != nil {
		return nil, fmt.Errorf("authority %q: %w", subject, err)
	}
	return authority, nil
}

// signer is the authority that signs a's own certificate. A root signs itself: its template stands for the certificate to come.
func (a *Authority) signer(template *x509.Certificate) *Authority {
	if a.issuer != nil {
		return a.issuer
	}
	return &Authority{cert: template, key: a.key}
}

// sign makes the certificate that template describes for the owner of key.
func (a *Authority) sign(template *x509.Certificate, key secret) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key().Public(), a.key())
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read back what was signed: %w", err)
	}
	return cert, nil
}

// newTemplate is what all certificates share. The serial number is left to crypto/x509: random and never 0, while the pages
// write 0 and 1 and assert neither.
func newTemplate(subject Subject, days int) (*x509.Certificate, error) {
	if days <= 0 {
		return nil, fmt.Errorf("a validity of %d days, want at least 1", days)
	}
	now := time.Now().UTC() // openssl's days have 24 hours, those of summer time do not
	return &x509.Certificate{
		Subject:               subject.name(),
		NotBefore:             now.Add(-skew),
		NotAfter:              now.AddDate(0, 0, days),
		BasicConstraintsValid: true,
	}, nil
}

// Certificate is the authority's own certificate. Do not change it.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// CertPEM is the authority's own certificate.
func (a *Authority) CertPEM() []byte { return encode(a.cert) }

// ChainPEM is the authority's certificate and those above it, root last: the ca-chain.cert.pem that the pages hand to curl --cacert.
func (a *Authority) ChainPEM() []byte { return encode(a.chain()...) }

// KeyPEM is the authority's private key in PKCS #8. It belongs into memory and Kubernetes Secrets only.
func (a *Authority) KeyPEM() ([]byte, error) { return a.key.pem() }

// Pool holds the root of this authority, for verification with crypto/x509.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	chain := a.chain()
	pool.AddCert(chain[len(chain)-1])
	return pool
}

// chain is the authority and those above it, root last.
func (a *Authority) chain() []*x509.Certificate {
	if a.issuer == nil {
		return []*x509.Certificate{a.cert}
	}
	return append([]*x509.Certificate{a.cert}, a.issuer.chain()...)
}

// intermediates is the chain without its root: what a server sends after its leaf.
func (a *Authority) intermediates() []*x509.Certificate {
	chain := a.chain()
	return slices.Clip(chain[:len(chain)-1])
}

func encode(certificates ...*x509.Certificate) []byte {
	var text []byte
	for _, certificate := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	return text
}
