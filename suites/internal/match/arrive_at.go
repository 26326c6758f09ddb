package match

import (
	"errors"
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// Arrival is a pattern for what reached a site of the outside world. Only the fields that are set must fit; Dash demands that a field is empty.
//
// Source: RFC 8446, section 4.1.2 (ClientHello); RFC 6066, section 3 (SNI); RFC 7301 (ALPN).
type Arrival struct {
	Plain   bool       // no TLS at all
	SNI     any        // of the ClientHello; Dash: the client named nobody
	Offered any        // the ALPN protocols of the ClientHello, best first: "h2, http/1.1"; Dash: none
	ALPN    any        // the one that was agreed on; Dash: none. It goes with Offered, for either alone may be right by luck
	Version any        // of TLS, agreed on: "TLS 1.3"
	Client  any        // subject of the client's certificate; Dash: it showed none
	Refused any        // why the handshake failed, by the site's own words
	From    probe.Peer // the workload that opened the connection
	// Host is what each request named, and Requests how many there were on all connections together.
	Host, Requests any
}

// ArriveAt promises that the question brought about a connection to a site, named "host:port", as the site itself saw it: every one that it did fits
// the pattern. Hosts of one site share an address; their connections are told apart by SNI and Host, and one that names none of them may be any one's.
// A site that nobody watched does not testify, and the promise does not hold.
func ArriveAt(door string, want Arrival) types.GomegaMatcher {
	return promise{
		name: fmt.Sprintf("ArriveAt(%q, …)", door), negative: want.Requests == 0 || demands(want.Refused),
		judge: func(e probe.Evidence) (finding, error) {
			if err := want.check(); err != nil {
				return finding{}, err
			}
			at, err := visitorsOf(e, door)
			if err != nil || !at.watched {
				return finding{wanted: "a connection to " + at.door, got: at.say()}, err
			}
			says, differences, err := want.judge(e, at.connections)
			if err != nil {
				return finding{}, err
			}
			found := finding{
				holds: len(at.connections) > 0 && len(differences) == 0, wanted: "a connection to " + at.door + says, got: at.say(),
			}
			if len(differences) > 0 {
				found.got = strings.Join(differences, "; ") + ":" + found.got
			}
			return found, nil
		},
	}
}

func (a Arrival) check() error {
	switch {
	case a.Plain && (a.SNI != nil || a.Offered != nil || a.ALPN != nil || a.Version != nil || a.Client != nil || a.Refused != nil):
		return errors.New("a Plain arrival excludes what only TLS has")
	case a.ALPN != nil && a.Offered == nil, a.Offered != nil && a.ALPN == nil && a.Refused == nil:
		return errors.New("ALPN is judged by what the client offered and by what was agreed on: give Offered and ALPN")
	default:
		return nil
	}
}

// arrivalField is one wanted field beside what a connection has there.
type arrivalField struct {
	name      string
	want, got any
	missing   string // why there is nothing to compare with
}

// fields lists the fields of one connection that are wanted.
func (a Arrival) fields(c probe.SiteConnection) []arrivalField {
	var hello probe.ClientHello
	var agreed probe.SiteTLS
	var noHello, noAgreement string
	if c.Hello != nil {
		hello = *c.Hello
	} else {
		noHello = "no ClientHello"
	}
	if c.TLS != nil {
		agreed = *c.TLS
	} else {
		noAgreement = "no finished handshake"
	}
	all := []arrivalField{
		{"SNI", a.SNI, hello.SNI, noHello},
		{"ALPN offered", a.Offered, strings.Join(hello.ALPN, ", "), noHello},
		{"ALPN agreed on", a.ALPN, agreed.ALPN, noAgreement},
		{"version", a.Version, agreed.Version, noAgreement},
		{"client certificate", a.Client, agreed.Client, noAgreement},
		{"refused", a.Refused, c.Refused, ""},
	}
	if a.Plain {
		all = append(all, arrivalField{"TLS", "none", tlsOf(c), ""})
	}
	if !a.From.IsZero() {
		all = append(all, arrivalField{"from", workload(a.From).String(), openedBy(c), ""})
	}
	for _, r := range c.Requests {
		all = append(all, arrivalField{"Host", a.Host, r.Host, ""})
	}
	return all
}

// judge tells what is wanted, and where the connections differ from it.
func (a Arrival) judge(e probe.Evidence, connections []probe.SiteConnection) (string, []string, error) {
	says, _, err := a.compare(e, probe.SiteConnection{Hello: &probe.ClientHello{}, TLS: &probe.SiteTLS{}, Requests: make([]probe.SiteRequest, 1)})
	if err != nil {
		return "", nil, err
	}
	var all []string
	requests := 0
	for _, c := range connections {
		_, differences, err := a.compare(e, c)
		if err != nil {
			return "", nil, err
		}
		all = append(all, differences...)
		requests += len(c.Requests)
	}
	if a.Requests != nil {
		holds, wanted, err := compare(e, a.Requests, requests)
		if err != nil {
			return "", nil, err
		}
		says = append(says, "requests "+wanted)
		if !holds && len(connections) > 0 {
			all = append(all, fmt.Sprintf("requests %d, wanted %s", requests, wanted))
		}
	}
	if len(says) == 0 {
		return "", all, nil
	}
	return " with " + strings.Join(says, ", "), all, nil
}

// compare tells what is wanted of a connection and where it differs.
func (a Arrival) compare(e probe.Evidence, c probe.SiteConnection) (says, differences []string, err error) {
	for _, f := range a.fields(c) {
		if f.want == nil {
			continue
		}
		holds, wanted, err := compare(e, f.want, f.got)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f.name, err)
		}
		says = append(says, f.name+" "+wanted)
		switch {
		case f.missing != "":
			differences = append(differences, fmt.Sprintf("%s %s, wanted %s", f.name, f.missing, wanted))
		case !holds:
			differences = append(differences, fmt.Sprintf("%s %s, wanted %s", f.name, shown(f.got), wanted))
		}
	}
	return says, differences, nil
}
