package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// Key is a kind of private key.
type Key int

// The kinds of the pages. The zero value is what most of them write: -newkey rsa:2048.
const (
	RSA2048 Key = iota
	RSA4096
	ECDSAP256
)

// String is the kind in words.
func (k Key) String() string {
	switch k {
	case RSA2048:
		return "RSA 2048"
	case RSA4096:
		return "RSA 4096"
	case ECDSAP256:
		return "ECDSA P-256"
	}
	return fmt.Sprintf("Key(%d)", int(k))
}

// secret hands out a private key. It is a closure because fmt, Gomega's formatter, encoders and everything else that walks a
// value by reflection stop at a function.
type secret func() crypto.Signer

func (k Key) generate() (secret, error) {
	signer, err := k.signer()
	if err != nil {
		return nil, fmt.Errorf("make a %s key: %w", k, err)
	}
	return func() crypto.Signer { return signer }, nil
}

func (k Key) signer() (crypto.Signer, error) {
	switch k {
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case RSA4096:
		return rsa.GenerateKey(rand.Reader, 4096)
	case ECDSAP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return nil, fmt.Errorf("unknown kind, use RSA2048, RSA4096 or ECDSAP256")
}

// pem is the key in PKCS #8, which is what `openssl req -nodes -keyout` writes.
func (s secret) pem() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(s())
	if err != nil {
		return nil, fmt.Errorf("encode the private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
