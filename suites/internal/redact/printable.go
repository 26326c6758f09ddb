package redact

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable is text in which a terminal, a browser or an editor finds nothing to obey: control characters (C0, DEL and C1, of which escape
// sequences are made), characters that turn the direction of writing or show nothing, and bytes that are no UTF-8 are written as Go and C write
// them. Tabs and the ends of lines stay; a carriage return stays only in front of one, since alone it overwrites the line.
func printable(text string) string {
	if plain(text) {
		return text
	}
	var out strings.Builder
	for i, width := 0, 0; i < len(text); i += width {
		var r rune
		r, width = utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && width == 1:
			fmt.Fprintf(&out, `\x%02x`, text[i])
		case unicode.IsGraphic(r), r == '\n', r == '\t', r == '\r' && strings.HasPrefix(text[i:], "\r\n"):
			out.WriteString(text[i : i+width])
		case r < utf8.RuneSelf:
			fmt.Fprintf(&out, `\x%02x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// plain tells at once of most texts that nothing has to be done.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' && c != '\n' && c != '\t' || c >= 0x7f {
			return false
		}
	}
	return true
}
