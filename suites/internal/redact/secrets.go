// Package redact stands in front of everything that leaves the harness: reports, journals, logs and the terminal. What a mesh answers is
// written by strangers: it may hold a key or a token, which nobody who reads a report should get, and control sequences, which a terminal
// would obey.
package redact

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// What stands where a secret was. None holds a character that JSON, YAML in quotes, XML or HTML would have to escape.
const (
	noKey      = "(private key removed)"
	noToken    = "(token removed)"
	noPassword = "(password removed)"
)

const (
	letters = `[A-Za-z0-9+/_-]`                                 // of base64, both alphabets
	lineEnd = `(?:\\[rn]|\s)`                                   // with the indentation that may follow, escaped or not
	header  = `(?:Proc-Type|DEK-Info):[^\n\\]*` + lineEnd + `+` // of an encrypted key (RFC 1421)
	keyLine = `[A-Za-z0-9+/]{48,}`
)

// rule finds one kind of secret. Group 1 of the pattern is what goes, the whole of it where there is no group.
type rule struct {
	hints   []string // in small letters; a text without any of them has none, which most texts tell at once
	pattern *regexp.Regexp
	holds   func([]byte) bool // whether what goes is one; nil: it always is
	mark    string
}

//nolint:gochecknoglobals // compiled once
var rules = []rule{
	// A PEM private key (RFC 7468) of any kind: plain, indented, each line behind a log's prefix, or with its line ends escaped. Where the
	// end is cut off, all that can be its body goes.
	{hints: []string{"private key-----"}, pattern: regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----` +
		`(?:.*?-----END [A-Z0-9 ]*PRIVATE KEY-----|` + lineEnd + `*(?:` + header + `)*[A-Za-z0-9+/=\s\\]*(?:[^\n]*` + keyLine + `[^\n]*\n?)*)`), mark: noKey},
	// Base64, in one line or wrapped, of text that holds a PEM private key, as in a Secret's data. Wherever dashes stand in it, four of its
	// letters are LS0t.
	{hints: []string{"ls0t"}, pattern: regexp.MustCompile(letters + `*(?:` + strings.Join(encodings("PRIVATE KEY-----"), "|") + `)` +
		letters + `*(?:` + lineEnd + `+` + letters + `{16,})*=*`), mark: noKey},
	// A JSON Web Token: JWS or JWE in their compact form (RFC 7515, RFC 7516), as service accounts have.
	{hints: []string{"eyj"}, pattern: regexp.MustCompile(`eyJ[\w-]{8,}\.(?:[\w-]*\.){1,3}[\w-]*`), holds: isJWT, mark: noToken},
	// Credentials of a request (RFC 6750, RFC 7617), and in a URL (RFC 3986, section 3.2.1).
	{hints: []string{"bearer"}, pattern: regexp.MustCompile(`(?i)\bbearer\s+([\w.~+/-]{16,}=*)`), mark: noToken},
	{hints: []string{"basic"}, pattern: regexp.MustCompile(`(?i)\bbasic\s+([A-Za-z0-9+/]{4,}={0,2})`), holds: isUserPass, mark: noPassword},
	{hints: []string{"://"}, pattern: regexp.MustCompile(`://[^/\s:@"']*:([^/\s@"']+)@`), mark: noPassword},
	// The bootstrap tokens of kubeadm, and the tokens of the forge whose machines run this.
	{hints: []string{"token"}, pattern: regexp.MustCompile(`(?i)\btoken["']?[:=\s]\s*["']?([a-z0-9]{6}\.[a-z0-9]{16})\b`), mark: noToken},
	{hints: []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"}, pattern: regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})`), mark: noToken},
}

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

// isJWT tells a token from a name with dots: its first part is a JSON object.
func isJWT(text []byte) bool {
	head, _, _ := bytes.Cut(text, []byte("."))
	decoded, err := base64.RawURLEncoding.DecodeString(string(head))
	return err == nil && json.Valid(decoded)
}

// isUserPass tells credentials from prose: they are base64 of a name and a password with a colon between.
func isUserPass(text []byte) bool {
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(string(text), "="))
	return err == nil && bytes.ContainsRune(decoded, ':') && utf8.Valid(decoded)
}

// span is a secret in a text.
type span struct {
	start, end int
	mark       string
}

// in returns what the rule finds in a text; small is the text in small letters.
func (r rule) in(text []byte, small string) (found []span) {
	if !slices.ContainsFunc(r.hints, func(hint string) bool { return strings.Contains(small, hint) }) {
		return nil
	}
	for _, match := range r.pattern.FindAllSubmatchIndex(text, -1) {
		s := span{match[0], match[1], r.mark}
		if len(match) > 2 {
			s.start, s.end = match[2], match[3]
		}
		if r.holds == nil || r.holds(text[s.start:s.end]) {
			found = append(found, s)
		}
	}
	return found
}

// find returns the secrets of text in their order; none overlaps another.
func find(text []byte) []span {
	var all []span
	small := strings.ToLower(string(text))
	for _, r := range rules {
		all = append(all, r.in(text, small)...)
	}
	return merge(all)
}

// merge orders spans, and makes one of those that overlap.
func merge(all []span) []span {
	slices.SortStableFunc(all, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	var merged []span
	for _, s := range all {
		if n := len(merged); n > 0 && s.start < merged[n-1].end {
			merged[n-1].end = max(merged[n-1].end, s.end)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// Text is text without its secrets (private keys, also inside base64 as in a Secret's data; JSON Web Tokens, bearer tokens and passwords of requests) and
// with every control character made visible. It takes what it cannot be sure of: a key whose end is missing is removed as far as
// it can reach.
func Text(text string) string { return Texts([]string{text})[0] }

// Texts is Text of texts that follow each other, such as the lines of a log: a secret that spans several is removed from all of them. It
// returns as many as it was given.
func Texts(texts []string) []string {
	joined := []byte(strings.Join(texts, "\n"))
	secrets := find(joined)
	clean := make([]string, len(texts))
	start := 0
	for i, text := range texts {
		end := start + len(text)
		for len(secrets) > 0 && secrets[0].end <= start {
			secrets = secrets[1:]
		}
		clean[i] = printable(cut(joined, start, end, secrets))
		start = end + 1
	}
	return clean
}

// cut is joined[start:end] without the secrets; where one begins, its mark stands.
func cut(joined []byte, start, end int, secrets []span) string {
	var out strings.Builder
	for _, s := range secrets {
		if s.start >= end {
			break
		}
		if s.start >= start {
			out.Write(joined[start:s.start])
			out.WriteString(s.mark)
		}
		start = min(s.end, end)
	}
	out.Write(joined[start:end])
	return out.String()
}
