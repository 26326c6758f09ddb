package certs_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/format"

	"github.com/meshproof/meshproof/certs"
)

// holder has its Pair and Authority in unexported fields, where fmt does not call their methods.
type holder struct {
	pair certs.Pair
	root *certs.Authority
	copy certs.Authority
}

func TestNothingPrintsAKey(t *testing.T) {
	g := NewWithT(t)
	root, err := certs.NewAuthority(certs.Subject{CN: "example.com", O: "example Inc."})
	g.Expect(err).NotTo(HaveOccurred())
	pair, err := root.Issue(certs.Leaf{Subject: certs.Subject{CN: "client.example.com"}})
	g.Expect(err).NotTo(HaveOccurred())
	inside := holder{pair: pair, root: root, copy: *root}

	texts := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts[verb] = fmt.Sprintf(verb, pair) + fmt.Sprintf(verb, &pair) + fmt.Sprintf(verb, root) + fmt.Sprintf(verb, inside)
	}
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("made", "pair", pair, "root", root)
	texts["slog"] = log.String()
	encoded, err := json.Marshal(map[string]any{"pair": pair, "root": root})
	g.Expect(err).NotTo(HaveOccurred())
	texts["json"] = string(encoded)
	texts["gomega"] = format.Object(pair, 1) + format.Object(root, 1) + format.Object(inside, 1)

	for _, owner := range []interface{ KeyPEM() ([]byte, error) }{pair, root} {
		for name, text := range texts {
			g.Expect(fragments(t, owner)).To(HaveEach(Satisfy(func(part string) bool { return !strings.Contains(text, part) })), name)
		}
	}
	g.Expect(texts["json"]).To(ContainSubstring(`certificate \"CN=client.example.com\" of \"CN=example.com,O=example Inc.\", key not shown`))
	g.Expect(format.Object(root, 0)).To(HaveSuffix(`authority "CN=example.com,O=example Inc.", key not shown`))
	g.Expect(format.Object(pair, 0)).To(HaveSuffix("key not shown"))
	g.Expect(texts["%v"]).To(ContainSubstring("key not shown"))
	g.Expect(certs.Pair{}.String()).To(Equal("no certificate"))
	g.Expect((*certs.Authority)(nil).String()).To(Equal("no authority"))
}

// fragments are spellings of the middle of a key that a careless printer would leave: base64, hexadecimal, decimal bytes.
func fragments(t *testing.T, owner interface{ KeyPEM() ([]byte, error) }) []string {
	t.Helper()
	text, err := owner.KeyPEM()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	block, _ := pem.Decode(text)
	middle := block.Bytes[len(block.Bytes)/2:][:12]
	return []string{
		string(text[len(text)/2:][:12]),
		fmt.Sprintf("%x", middle),
		strings.Trim(fmt.Sprintf("%d", middle), "[]"),
	}
}

func TestRedact(t *testing.T) {
	// Blocks of every type, none of them a key: what counts is the shape.
	block := func(kind string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes.Repeat([]byte(kind), 30)}))
	}
	key, certificate := block("PRIVATE "+"KEY"), block("CERTIFICATE")
	base64Of := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	quoted := func(text string) string {
		encoded, err := json.Marshal(text)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		return string(encoded)
	}
	const gone = "(private key removed)"

	for name, test := range map[string]struct{ text, want string }{
		"nothing to hide":         {"a report\nwith lines", "a report\nwith lines"},
		"a certificate stays":     {certificate, certificate},
		"encoded, it stays too":   {"tls.crt: " + base64Of(certificate), "tls.crt: " + base64Of(certificate)},
		"PKCS #8":                 {"before\n" + key + "after", "before\n" + gone + "\nafter"},
		"RSA":                     {block("RSA PRIVATE " + "KEY"), gone + "\n"},
		"EC":                      {block("EC PRIVATE " + "KEY"), gone + "\n"},
		"encrypted":               {block("ENCRYPTED PRIVATE " + "KEY"), gone + "\n"},
		"between certificates":    {certificate + key + certificate, certificate + gone + "\n" + certificate},
		"two keys":                {key + "x" + key, gone + "\nx" + gone + "\n"},
		"indented in YAML":        {"  tls.key: |\n    " + strings.ReplaceAll(key, "\n", "\n    "), "  tls.key: |\n    " + gone + "\n    "},
		"in a JSON string":        {`{"key":` + quoted(key) + `}`, `{"key":"` + gone + `\n"}`},
		"without its end":         {key[:200], gone},
		"Secret data, JSON":       {`{"tls.key":"` + base64Of(key) + `","x":1}`, `{"tls.key":"` + gone + `","x":1}`},
		"Secret data, YAML":       {"tls.key: " + base64Of(key) + "\ntype: kubernetes.io/tls\n", "tls.key: " + gone + "\ntype: kubernetes.io/tls\n"},
		"bundle, encoded":         {"all: " + base64Of(certificate+key) + "\n", "all: " + gone + "\n"},
		"bundle, one byte off":    {"all: " + base64Of("x"+certificate+key) + "\n", "all: " + gone + "\n"},
		"bundle, two bytes off":   {"all: " + base64Of("xy"+certificate+key) + "\n", "all: " + gone + "\n"},
		"encoded, URL alphabet":   {"k=" + base64.URLEncoding.EncodeToString([]byte(key)) + "&x", "k=" + gone + "&x"},
		"encoded, prose in front": {"the key " + base64Of(key) + " is here", "the key " + gone + " is here"},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(string(certs.Redact([]byte(test.text)))).To(Equal(test.want))
		})
	}

	t.Run("encoded and wrapped at any width", func(t *testing.T) {
		g := NewWithT(t)
		for width := 20; width < 100; width++ {
			for _, end := range []string{"\n", "\n    ", `\n`, "\r\n"} {
				text := string(certs.Redact([]byte("k: " + wrap(base64Of(certificate+key), width, end) + "\ntype: x")))
				g.Expect(text).To(HavePrefix("k: "))
				g.Expect(text).To(ContainSubstring(gone))
				plain := strings.NewReplacer("\n", "", " ", "", `\n`, "", "\r", "").Replace(text)
				g.Expect(plain).NotTo(ContainSubstring(base64Of(key)[90:120]), "width %d", width)
				g.Expect(plain).NotTo(ContainSubstring(base64Of("\x00" + key)[90:120]), "width %d", width)
				g.Expect(plain).NotTo(ContainSubstring(base64Of("\x00\x00" + key)[90:120]), "width %d", width)
			}
		}
	})
}

func wrap(text string, width int, end string) string {
	var lines []string
	for len(text) > width {
		lines, text = append(lines, text[:width]), text[width:]
	}
	return strings.Join(append(lines, text), end)
}

func BenchmarkRedact(b *testing.B) {
	text := []byte(strings.Repeat(`{"time":"2026-11-20T23:00:00Z","path":"/wiki/Main_Page","status":200} `, 10_000))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		certs.Redact(text)
	}
}
