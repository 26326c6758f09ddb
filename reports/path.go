package reports

import (
	"fmt"
	"strconv"
	"strings"
)

// TrafficPath is the way that the traffic of one question took, by the word of everyone who saw it: of the client, of the access log of each
// proxy, and of the sites.
type TrafficPath struct {
	Ways   []Way `json:"ways"`
	More   int   `json:"more,omitempty"`   // ways that are left out
	Beside []Hop `json:"beside,omitempty"` // whose logs were looked at, and who are on none of the ways
}

// Way is one connection of a client, or one request, from hop to hop. Equal ones are one Way.
type Way struct {
	Times     int    `json:"times,omitempty"`     // how many took it, where that is more than one
	RequestID string `json:"requestId,omitempty"` // X-Request-Id, where all hops know the same
	Hops      []Hop  `json:"hops"`
}

// Hop is one place that traffic came through, or was to come through.
type Hop struct {
	Role    HopRole  `json:"role"`
	Name    string   `json:"name"`              // the workload, "curl.default"; the site; an address, where nothing else is known
	Address string   `json:"address,omitempty"` // that was reached, "198.51.100.67:443"
	Leg     *Leg     `json:"leg,omitempty"`     // how it was reached; nil where the way begins
	Line    string   `json:"line,omitempty"`    // what it testifies, in short: its line in the access log, a site's request, a client's answer
	Cluster string   `json:"cluster,omitempty"` // the upstream cluster that its line names
	Lines   int      `json:"lines,omitempty"`   // how many lines it wrote for this one request, where that is more than one
	State   HopState `json:"state,omitempty"`
	Note    string   `json:"note,omitempty"`  // why its State is not the usual one
	Fault   *Fault   `json:"fault,omitempty"` // nil: its line tells of none, or it is no Envoy
}

// Fault is what an Envoy's line tells of traffic that it could not serve.
//
// Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#response-flags
type Fault struct {
	Code    int    `json:"code,omitempty"`    // of the answer; 0 for a connection
	Flags   string `json:"flags,omitempty"`   // response flags, sorted: "UF,URX"
	Details string `json:"details,omitempty"` // of the answer, or of how the connection ended: "route_not_found"
	Failure string `json:"failure,omitempty"` // of the transport to the upstream host
}

// why is the fault without what follows from it.
func (f Fault) why() string {
	if f.Failure != "" {
		return f.Failure
	}
	return strings.TrimSpace(f.Flags + " " + f.Details)
}

// String is the fault as the line has it: "503 UF,URX upstream_reset_before_response_started".
func (f Fault) String() string {
	var words []string
	if f.Code > 0 {
		words = append(words, strconv.Itoa(f.Code))
	}
	for _, word := range []string{f.Flags, f.Details, f.Failure} {
		if word != "" {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// Leg is one connection between two hops: downstream of the one, upstream of the other.
type Leg struct {
	Protocol string `json:"protocol,omitempty"` // HTTP/1.1, HTTP/2, TCP
	TLS      string `json:"tls,omitempty"`      // "TLS 1.3"; "TLS" where nobody says the version; empty where none was seen
	SNI      string `json:"sni,omitempty"`
	NoSNI    bool   `json:"noSni,omitempty"`  // the ClientHello named nobody
	ALPN     string `json:"alpn,omitempty"`   // what was agreed on; "offered h2,http/1.1" where nothing was
	Client   string `json:"client,omitempty"` // subject of the client's certificate
}

// HopRole says what a hop is.
type HopRole string

// The roles. Upstream is what a proxy names as its upstream host, and of which nothing else is known.
const (
	RoleClient   HopRole = "client"
	RoleSidecar  HopRole = "sidecar"
	RoleGateway  HopRole = "gateway"
	RoleProxy    HopRole = "proxy" // one that is no Envoy: squid, nginx
	RoleWorkload HopRole = "workload"
	RoleSite     HopRole = "site"
	RoleUpstream HopRole = "upstream"
)

// HopState says what is not as usual with a hop; usual is that it testifies.
type HopState string

// The states.
const (
	HopSilent     HopState = "silent"     // it wrote no line, and a later one is known, so that none is missing
	HopUnknown    HopState = "unknown"    // nobody looked, or nothing proves that its log was read to the end
	HopUnexpected HopState = "unexpected" // it was reached by a connection of which no hop before it tells
	HopEnded      HopState = "ended"      // the traffic ended here: this hop passed it on to nobody
	HopUnreached  HopState = "unreached"  // the hop before wanted to reach it, and did not
)

// IsTrouble tells of a hop that a reader should look at.
func (h Hop) IsTrouble() bool {
	return h.Lines > 1 || h.State != "" && h.State != HopUnknown
}

// noSNI tells of a ClientHello that named nobody.
const noSNI = "no SNI"

// Words are protocol, TLS, SNI and ALPN as far as somebody tells them, each a word of its own.
func (l *Leg) Words() []string {
	if l == nil {
		return nil
	}
	var words []string
	add := func(prefix, value string) {
		if value != "" {
			words = append(words, prefix+oneLine(value))
		}
	}
	add("", l.Protocol)
	add("", l.TLS)
	add("SNI ", l.SNI)
	if l.NoSNI {
		words = append(words, noSNI)
	}
	add("ALPN ", l.ALPN)
	add("by ", l.Client)
	return words
}

// Testimony is what is known of the hop, line by line: its own words, then what is not as usual.
func (h Hop) Testimony() []string {
	var lines []string
	add := func(text string) {
		if text = oneLine(text); text != "" {
			lines = append(lines, text)
		}
	}
	add(h.Line)
	add(h.Cluster)
	if h.Lines > 1 {
		lines = append(lines, fmt.Sprintf("doubled: %d lines", h.Lines))
	}
	add(h.trouble())
	return lines
}

// trouble is the state in words.
func (h Hop) trouble() string {
	var words []string
	for _, word := range []string{string(h.State), h.Note} {
		if word != "" {
			words = append(words, word)
		}
	}
	return strings.Join(words, ": ")
}

// title is the hop's name, and the address where that is something else.
func (h Hop) title() string {
	if h.Address == "" || h.Address == h.Name {
		return oneLine(h.Name)
	}
	return oneLine(h.Name + " " + h.Address)
}

// isBroken tells that the leg to the hop did not hold.
func (h Hop) isBroken() bool { return h.State == HopUnreached }

// Text is the picture for a terminal and for Markdown: one line per hop, one between them per leg. Empty where there is nothing to show.
func (p *TrafficPath) Text() string {
	if p == nil {
		return ""
	}
	var b strings.Builder
	for i, way := range p.Ways {
		if i > 0 {
			b.WriteByte('\n')
		}
		way.write(&b, p.width())
	}
	if p.More > 0 {
		b.WriteString(p.more() + "\n")
	}
	for _, hop := range p.Beside {
		fmt.Fprintf(&b, "beside   %s %s: %s\n", hop.Role, hop.title(), oneLine(hop.Note))
	}
	return b.String()
}

// more tells of the ways that are left out.
func (p *TrafficPath) more() string { return fmt.Sprintf("and %d more, by other ways", p.More) }

// width is that of the column of names.
func (p *TrafficPath) width() int {
	const most = 44
	width := 0
	for _, way := range p.Ways {
		for _, hop := range way.Hops {
			width = max(width, len([]rune(hop.title())))
		}
	}
	return min(width, most)
}

func (w Way) write(b *strings.Builder, width int) {
	if w.Times > 1 {
		fmt.Fprintf(b, "%d times:\n", w.Times)
	}
	for _, hop := range w.Hops {
		if hop.Leg != nil {
			sign := "│"
			if hop.isBroken() {
				sign = "✗"
			}
			fmt.Fprintln(b, strings.TrimRight("   "+sign+"     "+strings.Join(hop.Leg.Words(), " · "), " "))
		}
		said := hop.Testimony()
		if hop.IsTrouble() && len(said) > 0 {
			said[len(said)-1] = "! " + said[len(said)-1]
		}
		fmt.Fprintln(b, strings.TrimRight(fmt.Sprintf("%-8s %-*s  %s", hop.Role, width, hop.title(), strings.Join(said, " · ")), " "))
		if hop.State == HopEnded {
			b.WriteString("   ✗\n")
		}
	}
}
