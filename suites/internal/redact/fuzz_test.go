package redact_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/meshproof/meshproof/suites/internal/redact"
)

func FuzzTexts(f *testing.F) {
	f.Add("a\n-----BEGIN PRIVATE "+"KEY-----\nMIIE\n-----END PRIVATE "+"KEY-----\nb", "\x1b[2J")
	f.Add("Authorization: Bearer "+token(), "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t")
	f.Fuzz(func(t *testing.T, first, second string) {
		clean := redact.Texts([]string{first, second})
		if len(clean) != 2 {
			t.Fatalf("%d texts", len(clean))
		}
		for _, text := range clean {
			if !utf8.ValidString(text) {
				t.Errorf("%q is no UTF-8", text)
			}
			for _, r := range strings.ReplaceAll(text, "\r\n", "\n") {
				if !unicode.IsGraphic(r) && r != '\n' && r != '\t' {
					t.Errorf("%q holds %U", text, r)
				}
			}
			if strings.Contains(text, token()) {
				t.Errorf("the token stayed in %q", text)
			}
		}
		if again := redact.Text(clean[0]); again != redact.Text(again) {
			t.Errorf("%q is not at rest", again)
		}
	})
}

// FuzzWriter: in which pieces a text comes makes no difference to a whole key.
func FuzzWriter(f *testing.F) {
	f.Add("before\n", "after\n", uint8(7))
	f.Fuzz(func(t *testing.T, before, after string, n uint8) {
		const body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
		key := "-----BEGIN PRIVATE " + "KEY-----\n" + body + "\n" + body + "\n-----END PRIVATE " + "KEY-----\n"
		if text := written(t, before+"\n"+key+after, int(n)+1); strings.Contains(text, body) {
			t.Errorf("the key is in %q", text)
		}
	})
}
