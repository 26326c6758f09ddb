package redact_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/redact"
)

func TestATerminalHasNothingToObey(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"lines and tabs stay":        {"a\tb\nc\r\nd", "a\tb\nc\r\nd"},
		"other languages stay":       {"Grüße, 世界 → é\u00a0!", "Grüße, 世界 → é\u00a0!"},
		"clear the screen":           {"\x1b[2J\x1b[H", `\x1b[2J\x1b[H`},
		"set the window's title":     {"\x1b]0;owned\a", `\x1b]0;owned\x07`},
		"write to the clipboard":     {"\x1b]52;c;aWQ=\x1b\\", `\x1b]52;c;aWQ=\x1b\`},
		"a sequence in one byte":     {"\u009b2J", `\u009b2J`},
		"the same byte, not UTF-8":   {"\x9b2J", `\x9b2J`},
		"overwrite the line":         {"failed\rpassed", `failed\x0dpassed`},
		"erase what was written":     {"failed\b\b\b\b\b\bpassed", `failed\x08\x08\x08\x08\x08\x08passed`},
		"turn the direction":         {"a\u202eb\u2066c", `a\u202eb\u2066c`},
		"a name that shows nothing":  {"exa\u200bmple.com", `exa\u200bmple.com`},
		"end of a line for browsers": {"a\u2028b", `a\u2028b`},
		"NUL and DEL":                {"a\x00b\x7f", `a\x00b\x7f`},
		"a byte cut in two":          {"\xe4\xb8", `\xe4\xb8`},
		"the sign of a cut byte":     {"\ufffd", "\ufffd"},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(redact.Text(test.text)).To(Equal(test.want))
		})
	}
}
