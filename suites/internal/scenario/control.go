package scenario

import (
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// Part is what of a request Step.Unlike names: one of these, or several with | between them.
type Part uint

// The parts of a request in which it may differ from its control run.
const (
	ItsPeer        Part = 1 << iota
	ItsScheme           // in the URL
	ItsName             // the host in the URL, with the address for it: over TLS the server name
	ItsPort             // in the URL
	ItsPath             // in the URL
	ItsHost             // the Host header
	ItsProtocol         // the version of HTTP
	ItsProxy            // curl -x
	ItsCertificate      // the client's, with its key
	ItsAuthority        // the one that the client believes, or that it believes any
	itsRest             // everything else that curl is told
)

//nolint:gochecknoglobals // the names of the constants above
var partNames = []string{"peer", "scheme", "name", "port", "path", "Host header", "protocol", "proxy", "certificate", "authority"}

// String is the parts in words.
func (p Part) String() string {
	var words []string
	for i, name := range partNames {
		if p&(1<<i) != 0 {
			words = append(words, name)
		}
	}
	return strings.Join(words, " and ")
}

// refusal tells whether a step promises that its request is refused, or nothing but absences.
func refusal(step Step) bool {
	absences := true
	for _, e := range step.Want {
		if e.Match == nil {
			continue
		}
		if isRefusal(e.Match) {
			return true
		}
		absences = absences && IsNegative(e.Match)
	}
	return absences
}

// hasControl looks for the same request with a promise that is not a refusal. Where the step names parts in which its request differs, the control
// differs in each of them and in nothing else.
func hasControl(s Scenario, refused Step, p probe.Probe) bool {
	return slices.ContainsFunc(s.Steps, func(step Step) bool {
		send, ok := step.Do.(SendAction)
		return ok && !refusal(step) && differences(send.Probe, p) == refused.Unlike
	})
}

// differences are the parts in which two requests differ. How long they may take is none, for no proxy sees it, nor is the mark of the harness.
func differences(a, b probe.Probe) Part {
	first, second := partsOf(a), partsOf(b)
	var all Part
	for part, value := range first {
		if !reflect.DeepEqual(value, second[part]) {
			all |= part
		}
	}
	return all
}

// partsOf takes a request apart.
func partsOf(p probe.Probe) map[Part]any {
	scheme, rest, _ := strings.Cut(p.URL, "://")
	authority, path, _ := strings.Cut(rest, "/")
	name, port, _ := strings.Cut(authority, ":") // no page asks for an IPv6 address
	var addresses []string
	for _, entry := range p.Resolve { // host:port:address
		fields := strings.SplitN(entry, ":", 3)
		addresses = append(addresses, fields[0]+" "+fields[len(fields)-1])
	}
	others := p // what is left of it
	others.From, others.URL, others.HTTP, others.Proxy, others.Resolve = probe.Peer{}, "", "", "", nil
	others.TLS = probe.TLS{Max: p.TLS.Max}
	others.Connect, others.Max, others.Unmarked = 0, 0, false
	others.Header = nil
	return map[Part]any{
		ItsPeer: p.From, ItsScheme: scheme, ItsName: [2]any{name, addresses}, ItsPort: port, ItsPath: path,
		ItsHost: p.Header.Values("Host"), ItsProtocol: p.HTTP, ItsProxy: p.Proxy,
		ItsCertificate: [2]string{p.TLS.Cert, p.TLS.Key}, ItsAuthority: [2]any{p.TLS.CACert, p.TLS.Insecure},
		itsRest: [2]any{others, withoutHost(p.Header)},
	}
}

// withoutHost are the headers but for Host; what is no header and what is an empty one are the same.
func withoutHost(header http.Header) map[string][]string {
	others := map[string][]string{}
	for name, values := range header {
		if name != "Host" && len(values) > 0 {
			others[name] = values
		}
	}
	return others
}
