package probe

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Shown is the request as the page would write it: no marker, nothing that the harness adds for itself.
func (p Probe) Shown() []string { return p.words("") }

// Command is the same request with what the harness needs to judge it: the marker in the query, curl's transcript (-v), and a trailer (-w)
// with curl's own summary and the certificates of the server.
//
// Nothing but the answer's body and the trailer reach the standard output, because there a body could be mistaken for headers. The
// answers' headers are read from the transcript on the standard error, where every line tells whose it is. The trailer's mark ends
// both streams; a stream without it was cut. Works from curl 7.88 on, which brought %{certs}.
//
// Source: https://curl.se/docs/manpage.html#-w
func (p Probe) Command(marker string) []string {
	words := p.words(marker)
	if marker == "" {
		marker = NewMarker()
	}
	mark := "--- meshproof " + marker + " ---"
	return append(words, "-v", "-w", `\n`+mark+`\n%{json}\n%{certs}%{stderr}\n`+mark+`\n`)
}

func (p Probe) words(marker string) []string {
	if p.Unmarked {
		marker = ""
	}
	words := append(p.typing(), "curl", "-sS")
	switch p.Method {
	case "":
	case http.MethodHead:
		words = append(words, "-I")
	default:
		words = append(words, "-X", p.Method)
	}
	if p.Follow {
		words = append(words, "-L")
	}
	if p.HTTP != "" {
		words = append(words, "--http"+p.HTTP)
	}
	words = append(words, p.limits()...)
	words = append(words, option("-x", p.Proxy)...)
	words = append(words, p.TLS.words()...)
	for _, entry := range p.Resolve {
		words = append(words, "--resolve", entry)
	}
	words = append(words, headerWords(p.Header)...)
	words = append(words, option("--data", p.Data)...)
	return append(words, mark(p.URL, marker))
}

// typing gives curl what somebody types: a shell's echo, so that the command is one that can be pasted and needs no terminal.
func (p Probe) typing() []string {
	if p.Typed == "" {
		return nil
	}
	return []string{"sh", "-c", `echo "$0" | "$@"`, p.Typed}
}

func (p Probe) limits() []string {
	return append(option("--connect-timeout", seconds(p.Connect)), option("-m", seconds(p.Max))...)
}

func (t TLS) words() []string {
	words := slices.Concat(option("--cacert", t.CACert), option("--cert", t.Cert), option("--key", t.Key), option("--tls-max", t.Max))
	if t.Insecure {
		words = append(words, "-k")
	}
	return words
}

func headerWords(header http.Header) []string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			if value == "" {
				words = append(words, "-H", name+";") // curl's way to say an empty header; "name:" would remove it
				continue
			}
			words = append(words, "-H", name+": "+value)
		}
	}
	return words
}

func option(name, value string) []string {
	if value == "" {
		return nil
	}
	return []string{name, value}
}

// seconds is a duration as curl takes it, empty for none.
func seconds(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
}

// variable is a shell variable as the pages write it.
var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// Expand replaces ${NAME} by its value. A name that vars does not hold stays as written, so that the text shows what is missing.
func Expand(text string, vars map[string]string) string {
	if !strings.Contains(text, "${") {
		return text
	}
	return variable.ReplaceAllStringFunc(text, func(found string) string {
		if value, known := vars[found[2:len(found)-1]]; known {
			return value
		}
		return found
	})
}

// Expand is the probe with the page's shell variables replaced in every string; the probe itself is left as it is.
func (p Probe) Expand(vars map[string]string) Probe {
	each := []*string{&p.Method, &p.URL, &p.Data, &p.Typed, &p.HTTP, &p.Proxy, &p.TLS.CACert, &p.TLS.Cert, &p.TLS.Key, &p.TLS.Max}
	for _, field := range each {
		*field = Expand(*field, vars)
	}
	p.Resolve = expandAll(p.Resolve, vars)
	header := make(http.Header, len(p.Header))
	for name, values := range p.Header {
		header[Expand(name, vars)] = expandAll(values, vars)
	}
	p.Header = header
	return p
}

func expandAll(texts []string, vars map[string]string) []string {
	expanded := make([]string, len(texts))
	for i, text := range texts {
		expanded[i] = Expand(text, vars)
	}
	return expanded
}
