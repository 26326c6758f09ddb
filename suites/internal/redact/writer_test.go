package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/redact"
)

// written is what comes out of a Writer that gets the text in pieces of n bytes.
func written(t *testing.T, text string, n int) string {
	t.Helper()
	var out bytes.Buffer
	w := redact.NewWriter(&out)
	for len(text) > 0 {
		piece := text[:min(n, len(text))]
		NewWithT(t).Expect(w.Write([]byte(piece))).To(Equal(len(piece)))
		text = text[len(piece):]
	}
	NewWithT(t).Expect(w.Flush()).To(Succeed())
	return out.String()
}

func TestPiecesMakeNoDifference(t *testing.T) {
	key := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE " + "KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: bytes.Repeat([]byte("key"), 60)}))
	encoded := wrap(base64.StdEncoding.EncodeToString([]byte(key)), 76, "\n")
	for name, test := range map[string]struct{ text, want string }{
		"a key":                    {"a\n" + key + "b\n", "a\n(private key removed)\nb\n"},
		"a key, indented":          {"a\n  " + strings.ReplaceAll(key, "\n", "\n  ") + "b\n", "a\n  (private key removed)\n  b\n"},
		"a key behind a prefix":    {"1 " + strings.ReplaceAll(key, "\n", "\n1 ") + "b\n", "1 (private key removed)\n1 b\n"},
		"a key without an end":     {key[:200] + "\n\nthe next, line\n", "(private key removed), line\n"},
		"an encoded key, wrapped":  {"a\n" + encoded + "\nb: c\n", "a\n(private key removed)\nb: c\n"},
		"a token":                  {"a\ntoken " + token() + "\nb", "a\ntoken (token removed)\nb"},
		"a sequence":               {"a\x1b[2Jb\n", "a\\x1b[2Jb\n"},
		"a letter of three bytes":  {"→\n", "→\n"},
		"a line without its end":   {"a\nb", "a\nb"},
		"a certificate, then text": {"-----BEGIN CERTIFICATE-----\nabc\n", "-----BEGIN CERTIFICATE-----\nabc\n"},
	} {
		t.Run(name, func(t *testing.T) {
			for n := 1; n < len(test.text)+1; n += 1 + n/7 {
				NewWithT(t).Expect(written(t, test.text, n)).To(Equal(test.want), "in pieces of %d", n)
			}
		})
	}
}

func TestALineIsNotKeptBack(t *testing.T) {
	g := NewWithT(t)
	var out bytes.Buffer
	w := redact.NewWriter(&out)
	for _, line := range []string{
		"  1/147  passed          4.4 s  egress/egress-control/allow-any-passthrough-with-a-long-name-0123456789012345\n",
		"report: sha256:" + strings.Repeat("0123456789abcdef", 4) + "\n",
		"the PRIVATE KEY is not shown\n",
	} {
		out.Reset()
		_, err := w.Write([]byte(line))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(out.String()).To(Equal(line))
	}
}

// A site that answers with a megabyte in one line, or with what never stops to look like a key, is not kept in memory.
func TestWhatIsKeptBackIsBounded(t *testing.T) {
	for name, line := range map[string]string{"one line": "x", "a key that never ends": strings.Repeat("A", 64) + "\n"} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var out bytes.Buffer
			w := redact.NewWriter(&out)
			_, err := w.Write([]byte("-----BEGIN PRIVATE " + "KEY-----\n" + strings.Repeat(line, (2<<20)/len(line))))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(out.Len()).To(BeNumerically(">", 0))
		})
	}
}
