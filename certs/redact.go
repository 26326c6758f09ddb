package certs

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
)

// removed stands where a key was. It holds no character that JSON, YAML in quotes, XML or HTML would have to escape.
const removed = "(private key removed)"

var (
	// pemKey is a PEM private key of any kind: plain, indented, or with its line ends escaped. Where the end is cut off, all that
	// can be its body goes.
	pemKey = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----` +
		`(?:.*?-----END [A-Z0-9 ]*PRIVATE KEY-----|[A-Za-z0-9+/=\s\\]*)`)
	// encodedKey is base64, in one line or wrapped, of text that holds a PEM private key, as in a Secret's data.
	encodedKey = regexp.MustCompile(letters + `*(?:` + strings.Join(encodings("PRIVATE KEY-----"), "|") + `)` +
		letters + `*(?:` + lineEnd + `+` + letters + `{16,})*=*`)
)

const (
	letters = `[A-Za-z0-9+/_-]` // of base64, both alphabets
	lineEnd = `(?:\\[rn]|\s)`   // with the indentation that may follow, escaped or not
)

// encodings are patterns of the base64 forms that text takes inside a longer text, one for each of the three positions it can
// start at, possibly broken by a line end. The characters that the neighbours decide as well are left out.
func encodings(text string) []string {
	var forms []string
	for offset := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", offset) + text))
		first := (offset*8 + 5) / 6          // the first character made of bits of text only
		last := (offset + len(text)) * 8 / 6 // the one after the last of them
		forms = append(forms, strings.Join(strings.Split(encoded[first:last], ""), lineEnd+"*"))
	}
	return forms
}

// Redact removes every PEM private key from text, also one inside base64 as in a Secret's data, and returns the rest.
// It takes what it cannot be sure of: a key whose end is missing is removed as far as it can reach.
func Redact(text []byte) []byte {
	text = pemKey.ReplaceAll(text, []byte(removed))
	return encodedKey.ReplaceAll(text, []byte(removed))
}

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
