package redact

import (
	"bytes"
	"io"
	"regexp"
	"sync"
)

// held bounds what a Writer keeps back, in bytes. Keys are a hundred times smaller.
const held = 1 << 20

// Writer passes on what is written to it as Text has it, line by line. A line that belongs to a secret is kept back until the whole of it is
// there. Several goroutines may write.
type Writer struct {
	mu   sync.Mutex
	to   io.Writer
	kept []byte
}

// NewWriter returns a Writer in front of another one. Flush it when there is nothing more to write.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Write keeps text and passes on what is complete. Its error is that of the writer behind.
func (w *Writer) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = append(w.kept, text...)
	complete := bytes.LastIndexByte(w.kept, '\n') + 1
	switch {
	case len(w.kept) > held:
		complete = len(w.kept)
	case complete == 0 || goesOn(w.kept[:complete]):
		return len(text), nil
	}
	return len(text), w.pass(complete)
}

// Flush passes on also what has no end.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pass(len(w.kept))
}

func (w *Writer) pass(n int) error {
	if n == 0 {
		return nil
	}
	_, err := io.WriteString(w.to, Text(string(w.kept[:n])))
	w.kept = append(w.kept[:0], w.kept[n:]...)
	return err
}

//nolint:gochecknoglobals // compiled once
var (
	keyBegin = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----`)
	keyEnd   = regexp.MustCompile(`-----END [A-Z0-9 ]*PRIVATE KEY-----`)
	// ofKey is a line that may be part of a key that has begun: of its body, of its header (RFC 1421), or empty.
	ofKey = regexp.MustCompile(`[A-Za-z0-9+/]{16,}|^\s*[A-Za-z0-9+/]*=*\s*$|Proc-Type:|DEK-Info:|-----BEGIN `)
	// encoded is base64 up to the end of the text of what may be PEM: wherever in it dashes stand, four of these letters are LS0t.
	encoded = regexp.MustCompile(`LS0t[\w+/=-]*(?:\s+[\w+/=-]{16,})*\s*$`)
)

// goesOn tells whether a secret at the end of text may go on in the next line.
func goesOn(text []byte) bool {
	if bytes.Contains(text, []byte("LS0t")) && encoded.Match(text) {
		return true
	}
	begins := keyBegin.FindAllIndex(text, -1)
	if len(begins) == 0 || keyEnd.Match(text[begins[len(begins)-1][0]:]) {
		return false
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	return ofKey.Match(lines[len(lines)-1])
}
