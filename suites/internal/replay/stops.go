package replay

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// stop is what one proxy or server wrote of one request, or of one connection.
type stop struct {
	peer       probe.Peer
	line       probe.LogLine
	lines      int // how many; more than one where it wrote of the same again
	prev, next *stop
	site       *arrival // that it passed the traffic on to
}

// arrival is a connection at a site.
type arrival struct {
	probe.SiteConnection
	told bool // it is on a way
}

// stopsOf are the lines that may be the question's, in the order in which what they tell of began. Lines that tell of the same are one stop.
func stopsOf(e probe.Evidence) []*stop {
	var all []*stop
	known := map[string]*stop{}
	for peer, lines := range e.Logs {
		for _, line := range lines {
			stranger := e.Marker != "" && line.Marker != "" && line.Marker != e.Marker
			if line.Format == probe.Unparsed || stranger {
				continue
			}
			key, told := sameAs(peer, line)
			if former := known[key]; told && former != nil {
				former.lines++
				continue
			}
			s := &stop{peer: peer, line: line, lines: 1}
			known[key] = s
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *stop) int {
		return cmp.Or(a.line.Start.Compare(b.line.Start), cmp.Compare(a.peer.String(), b.peer.String()), cmp.Compare(a.line.Raw, b.line.Raw))
	})
	return all
}

// sameAs is equal for lines of the same request, or of the same connection, at the same listener; false where a line does not tell.
func sameAs(peer probe.Peer, line probe.LogLine) (string, bool) {
	var identity string
	switch line.Format {
	case probe.EnvoyHTTP:
		identity = line.RequestID
	case probe.EnvoyTCP:
		identity = line.UpstreamLocal + " " + line.UpstreamCluster
	case probe.Squid, probe.Nginx, probe.NginxSNI, probe.Unparsed:
	}
	key := strings.Join([]string{peer.String(), string(line.Format), identity, line.DownstreamRemote, line.DownstreamLocal}, " ")
	return key, identity != "" && line.DownstreamRemote != ""
}

// How sure it is that traffic came from one stop to another.
const (
	byAddress = 4 // the address from which the one went on is the one from which it came to the other
	byOlder   = 3 // the same, but the other gave the request an id of its own: a connection may be shared, so that the older request comes first
	byClient  = 2 // the other tells the client's address without its port
	byID      = 1 // both know the same request id
)

// join finds for every stop and every site where its traffic came from, what is sure first.
func join(stops []*stop, sites []*arrival) {
	surest := []int{byAddress, byOlder, byClient, byID}
	for _, sure := range surest {
		for _, next := range stops {
			next.comeFrom(stops, sure)
		}
	}
	for _, sure := range surest {
		for _, s := range stops {
			s.goTo(sites, sure)
		}
	}
}

// comeFrom finds the stop before this one, as surely as is asked.
func (s *stop) comeFrom(stops []*stop, sure int) {
	for _, prev := range stops {
		if s.prev == nil && prev.next == nil && prev.leadsTo(s) == sure {
			prev.next, s.prev = s, prev
		}
	}
}

// goTo finds the site at which the traffic of a last stop arrived.
func (s *stop) goTo(sites []*arrival, sure int) {
	for _, site := range sites {
		if s.next == nil && s.site == nil && s.arrivesAs(site) == sure {
			s.site, site.told = site, true
		}
	}
}

// leadsTo tells how sure it is that the stop's traffic went on to the next one; 0: nothing says so. A gateway that takes its client for an external
// one gives each request a new id.
//
// Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-request-id
func (s *stop) leadsTo(next *stop) int {
	switch {
	case s == next || s.begins(next):
		return 0
	case s.line.UpstreamLocal != "" && s.line.UpstreamLocal == next.line.DownstreamRemote:
		if s.hasOtherID(next) {
			return byOlder
		}
		return byAddress
	case next.line.Client != "" && next.line.Client == hostOf(s.line.UpstreamLocal):
		return byClient
	case s.line.RequestID != "" && s.line.RequestID == next.line.RequestID && s.peer != next.peer && !s.isInbound() && s.line.UpstreamHost != "":
		return byID
	}
	return 0
}

// hasOtherID tells of two requests, or of one that was given another id on the way.
func (s *stop) hasOtherID(other *stop) bool {
	return s.line.RequestID != "" && other.line.RequestID != "" && s.line.RequestID != other.line.RequestID
}

// begins tells that the other stop is older, or comes before this one: no way leads back.
func (s *stop) begins(other *stop) bool {
	for at := s; at != nil; at = at.prev {
		if at == other {
			return true
		}
	}
	return false
}

// arrivesAs tells how sure it is that the stop's traffic arrived at a site by this connection.
func (s *stop) arrivesAs(site *arrival) int {
	isTarget := func() bool {
		target := strings.TrimPrefix(s.line.Hierarchy, "HIER_DIRECT/")
		return target != "" && target == site.Local.Addr().String()
	}
	switch {
	case s.line.UpstreamLocal != "" && s.line.UpstreamLocal == site.Remote.String():
		return byAddress
	case site.told:
		return 0
	case s.line.Format == probe.Squid && isTarget():
		return byClient
	case s.line.Format == probe.NginxSNI && site.Hello != nil && s.line.SNI != "" && site.Hello.SNI == s.line.SNI:
		return byClient
	case s.line.RequestID != "" && s.requestsAt(site) > 0 && s.line.UpstreamHost != "" && !s.isInbound():
		return byID
	}
	return 0
}

// requestsAt is how often the stop's request came to the site.
func (s *stop) requestsAt(site *arrival) int {
	count := 0
	for _, request := range site.Requests {
		if request.RequestID != "" && request.RequestID == s.line.RequestID {
			count++
		}
	}
	return count
}

// isInbound tells of a sidecar's line of traffic to its own workload.
func (s *stop) isInbound() bool { return strings.HasPrefix(s.line.UpstreamCluster, "inbound|") }

// isServer tells of one whose line names no upstream: it answers by itself.
func (s *stop) isServer() bool { return s.line.Format == probe.Nginx }

// passes tells whether the stop passed the traffic on, or tried to.
func (s *stop) passes() bool {
	switch s.line.Format {
	case probe.Squid:
		return strings.HasPrefix(s.line.Hierarchy, "HIER_DIRECT/")
	case probe.NginxSNI:
		const well = 200 // of a session, by $status
		return s.line.Code == well
	case probe.EnvoyHTTP, probe.EnvoyTCP, probe.Nginx, probe.Unparsed:
	}
	return s.line.UpstreamHost != ""
}

// hostOf is the address without its port; empty where there is none.
func hostOf(address string) string {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return ""
	}
	return parsed.Addr().String()
}
