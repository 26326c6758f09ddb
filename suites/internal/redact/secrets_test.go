package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/redact"
)

func TestKeys(t *testing.T) {
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
			NewWithT(t).Expect(redact.Text(test.text)).To(Equal(test.want))
		})
	}

	t.Run("without its end, each line behind a prefix", func(t *testing.T) {
		text := redact.Text("[1] " + strings.ReplaceAll(key[:len(key)-30], "\n", "\n[1] ") + "\n[1] the next line")
		NewWithT(t).Expect(text).To(Equal("[1] " + gone + "[1] the next line"))
	})

	t.Run("encoded and wrapped at any width", func(t *testing.T) {
		g := NewWithT(t)
		for width := 20; width < 100; width++ {
			for _, end := range []string{"\n", "\n    ", `\n`, "\r\n"} {
				text := redact.Text("k: " + wrap(base64Of(certificate+key), width, end) + "\ntype: x")
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

func BenchmarkText(b *testing.B) {
	text := strings.Repeat(`{"time":"2026-11-20T23:00:00Z","path":"/wiki/Main_Page","status":200} `, 10_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		redact.Text(text)
	}
}

// token is a JSON Web Token of nobody: its parts are what it says.
func token() string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"none","typ":"JWT"}`) + "." + part(`{"sub":"system:serviceaccount:default:nobody"}`) + "." + part("a signature")
}

func TestTokensAndPasswords(t *testing.T) {
	const gone = "(token removed)"
	password := base64.StdEncoding.EncodeToString([]byte("user:a password"))
	for name, test := range map[string]struct{ text, want string }{
		"a JWT":                      {"token " + token() + ".", "token " + gone},
		"in a JSON string":           {`{"body":"\n` + token() + `\n"}`, `{"body":"\n` + gone + `\n"}`},
		"encrypted, five parts":      {token() + ".x.y", gone},
		"without a signature":        {token()[:strings.LastIndex(token(), ".")+1] + " end", gone + " end"},
		"a class is none":            {"KeyJsonStoreFactory.loading.failed.twice", "KeyJsonStoreFactory.loading.failed.twice"},
		"bearer":                     {"> Authorization: Bearer abcdef0123456789==\r\n", "> Authorization: Bearer " + gone + "\r\n"},
		"prose about a bearer":       {"the bearer is refused", "the bearer is refused"},
		"basic":                      {"authorization: basic " + password, "authorization: basic (password removed)"},
		"prose about basics":         {"basic authentication is off", "basic authentication is off"},
		"a password in a URL":        {"GET https://me:secret@mirror.example/x: 404", "GET https://me:(password removed)@mirror.example/x: 404"},
		"a port and an at sign":      {"http://mirror.example:80/x@y", "http://mirror.example:80/x@y"},
		"kubeadm join":               {"kubeadm join 10.0.0.1:6443 --token " + "abcdef" + ".0123456789abcdef --x", "kubeadm join 10.0.0.1:6443 --token " + gone + " --x"},
		"a name in a cluster":        {"egress.kubernetesservic", "egress.kubernetesservic"},
		"a token of the forge":       {"ghp_" + strings.Repeat("a", 36), gone},
		"a fine token of the forge":  {"github_pat_" + strings.Repeat("a", 40), gone},
		"a key inside of a password": {"https://me:x" + token() + "@h", "https://me:(password removed)@h"},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(redact.Text(test.text)).To(Equal(test.want))
		})
	}
}

func TestASecretSpansTexts(t *testing.T) {
	g := NewWithT(t)
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE " + "KEY", Bytes: bytes.Repeat([]byte("key"), 60)}))
	lines := strings.Split("before "+key+"after", "\n")
	clean := redact.Texts(lines)
	g.Expect(clean).To(HaveLen(len(lines)))
	g.Expect(clean[0]).To(Equal("before (private key removed)"))
	g.Expect(clean[1 : len(clean)-1]).To(HaveEach(BeEmpty()))
	g.Expect(clean[len(clean)-1]).To(Equal("after"))

	g.Expect(redact.Texts([]string{"", "a", "", "b"})).To(Equal([]string{"", "a", "", "b"}))
	g.Expect(redact.Texts(nil)).To(BeEmpty())
}
