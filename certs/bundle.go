package certs

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// Bundle is the folder that a page's openssl commands fill: two files for each, name.crt and name.key, and for an authority name.chain.crt,
// its own certificate and those above it. Keys are made when something is asked for the first time, so that a page can be described
// without any, and stay in memory. It prints without its keys.
type Bundle struct {
	commands []Command
	fill     func() (map[string]file, error)
}

// Command is one certificate of a page: `openssl req -x509`, `openssl ca`, or `openssl x509 -req -CA`.
type Command struct {
	name      string
	subject   Subject
	options   []Option
	issuer    string // empty: signed by itself
	leaf      Leaf
	authority bool
}

// Root is `openssl req -x509 -keyout name.key -out name.crt`.
func Root(name string, subject Subject, opts ...Option) Command {
	return Command{name: name, subject: subject, options: opts, authority: true}
}

// Intermediate is `openssl ca -extensions v3_intermediate_ca -out name.crt`: an authority signed by an earlier Root of the bundle.
func Intermediate(name, issuer string, subject Subject, opts ...Option) Command {
	return Command{name: name, issuer: issuer, subject: subject, options: opts, authority: true}
}

// Signed is `openssl x509 -req -CA issuer.crt -CAkey issuer.key -out name.crt`; the issuer comes from an earlier Root or Intermediate
// of the bundle.
func Signed(name, issuer string, leaf Leaf) Command {
	return Command{name: name, issuer: issuer, leaf: leaf}
}

// NewBundle describes a bundle. Nothing is made yet; a mistake in the commands shows when something is asked for.
func NewBundle(commands ...Command) *Bundle {
	return &Bundle{commands: commands, fill: sync.OnceValues(func() (map[string]file, error) { return run(commands) })}
}

// file gives the content of one file. It is a function for the same reason as secret: nothing that walks a value looks inside.
type file func() ([]byte, error)

// run carries the commands out in their order.
func run(commands []Command) (map[string]file, error) {
	authorities, files := map[string]*Authority{}, map[string]file{}
	for _, c := range commands {
		if _, taken := files[c.name+".crt"]; taken {
			return nil, fmt.Errorf("bundle of certificates: two commands make %s.crt", c.name)
		}
		made, err := c.run(authorities)
		if err != nil {
			return nil, err
		}
		for suffix, content := range made {
			files[c.name+suffix] = content
		}
	}
	return files, nil
}

// run makes the files of one command, by their suffix.
func (c Command) run(authorities map[string]*Authority) (map[string]file, error) {
	issuer, known := authorities[c.issuer]
	if !known && (c.issuer != "" || !c.authority) {
		return nil, fmt.Errorf("bundle of certificates: %s.crt is to be signed by %q, which no earlier command makes", c.name, c.issuer)
	}
	if !c.authority {
		pair, err := issuer.Issue(c.leaf)
		if err != nil {
			return nil, err
		}
		return map[string]file{".crt": public(pair.CertPEM()), ".key": pair.KeyPEM}, nil
	}
	made, err := c.makeAuthority(issuer)
	if err != nil {
		return nil, err
	}
	authorities[c.name] = made
	return map[string]file{".crt": public(made.CertPEM()), ".chain.crt": public(made.ChainPEM()), ".key": made.KeyPEM}, nil
}

func (c Command) makeAuthority(issuer *Authority) (*Authority, error) {
	if issuer == nil {
		return NewAuthority(c.subject, c.options...)
	}
	return issuer.Intermediate(c.subject, c.options...)
}

func public(text []byte) file { return func() ([]byte, error) { return text, nil } }

// Pair is the content of `kubectl create secret tls --cert name.crt --key name.key`.
func (b *Bundle) Pair(name string) func() (map[string][]byte, error) {
	return b.Files("tls.crt="+name+".crt", "tls.key="+name+".key")
}

// Files is the content of `kubectl create secret generic --from-file=…`: the name of a file of the bundle, or key=name where the
// Secret's key is another.
func (b *Bundle) Files(sources ...string) func() (map[string][]byte, error) {
	return func() (map[string][]byte, error) {
		content := map[string][]byte{}
		for _, source := range sources {
			key, name, renamed := strings.Cut(source, "=")
			if !renamed {
				name = key
			}
			text, err := b.file(name)
			if err != nil {
				return nil, err
			}
			content[key] = text
		}
		return content, nil
	}
}

// Certificate is the one in name.crt.
func (b *Bundle) Certificate(name string) (*x509.Certificate, error) {
	text, err := b.file(name + ".crt")
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read %s.crt: %w", name, err)
	}
	return certificate, nil
}

func (b *Bundle) file(name string) ([]byte, error) {
	files, err := b.fill()
	if err != nil {
		return nil, err
	}
	read, made := files[name]
	if !made {
		return nil, fmt.Errorf("bundle of certificates: no command makes %q; there are %s", name, b.names())
	}
	return read()
}

func (b *Bundle) names() string {
	names := make([]string, len(b.commands))
	for i, c := range b.commands {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

// String names the certificates.
func (b *Bundle) String() string {
	if b == nil {
		return "no certificates"
	}
	return fmt.Sprintf("certificates %s, keys not shown", b.names())
}

// GoString is String: %#v shows no key either.
func (b *Bundle) GoString() string { return b.String() }

// GomegaString is String: a failed assertion shows no key either.
func (b *Bundle) GomegaString() string { return b.String() }

// Format is String for every verb.
func (b *Bundle) Format(state fmt.State, _ rune) { writeString(state, b.String()) }

// LogValue is String for log/slog.
func (b *Bundle) LogValue() slog.Value { return slog.StringValue(b.String()) }

// MarshalJSON is String: encoders get no key either.
func (b *Bundle) MarshalJSON() ([]byte, error) { return json.Marshal(b.String()) }
