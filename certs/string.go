package certs

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// String names the certificate and its issuer.
func (p Pair) String() string {
	if p.cert == nil {
		return "no certificate"
	}
	return fmt.Sprintf("certificate %q of %q, key not shown", p.cert.Subject, p.cert.Issuer)
}

// GoString is String: %#v shows no key either.
func (p Pair) GoString() string { return p.String() }

// GomegaString is String: a failed assertion shows no key either.
func (p Pair) GomegaString() string { return p.String() }

// Format is String for every verb.
func (p Pair) Format(state fmt.State, _ rune) { writeString(state, p.String()) }

// LogValue is String for log/slog.
func (p Pair) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalJSON is String: encoders get no key either.
func (p Pair) MarshalJSON() ([]byte, error) { return json.Marshal(p.String()) }

// String names the authority.
func (a *Authority) String() string {
	if a == nil || a.cert == nil {
		return "no authority"
	}
	return fmt.Sprintf("authority %q, key not shown", a.cert.Subject)
}

// GoString is String: %#v shows no key either.
func (a *Authority) GoString() string { return a.String() }

// GomegaString is String: a failed assertion shows no key either.
func (a *Authority) GomegaString() string { return a.String() }

// Format is String for every verb.
func (a *Authority) Format(state fmt.State, _ rune) { writeString(state, a.String()) }

// LogValue is String for log/slog.
func (a *Authority) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalJSON is String: encoders get no key either.
func (a *Authority) MarshalJSON() ([]byte, error) { return json.Marshal(a.String()) }

// writeString ignores the error: fmt has no use for it.
func writeString(w io.Writer, text string) { _, _ = io.WriteString(w, text) }
