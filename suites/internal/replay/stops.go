package replay

import (
	"cmp"
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
	tries      int      // connections at that site, where it failed
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
	byClient  = 2 // the other tells the client's address without its port, or the one fails and does not say from which port it tried
	byID      = 1 // both know the same request id, and the other was reached where the one went, or from there
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
			s.tryAgain(sites)
		}
	}
}

// tryAgain takes the further connections of a stop that failed: a proxy tries again, also at other addresses of the site, and writes one line.
func (s *stop) tryAgain(sites []*arrival) {
	s.tries = 1
	for _, site := range sites {
		if s.failed() && !site.told && site.Site == s.site.Site && site.Remote.Addr() == s.site.Remote.Addr() {
			s.tries, site.told = s.tries+1, true
		}
	}
}

// failed tells of a stop that had nobody's answer to pass on. Its line then names the host that it tried last, and no address of its own.
func (s *stop) failed() bool { return s.line.UpstreamHost != "" && s.line.UpstreamLocal == "" }

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
	case next.line.Client != "" && next.line.Client == probe.HostOf(s.line.UpstreamLocal):
		return byClient
	case s.line.RequestID != "" && s.line.RequestID == next.line.RequestID && s.wentTo(next.line.DownstreamLocal, next.line.DownstreamRemote):
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
	case s.failed() && s.line.UpstreamHost == site.Local.String() && s.isAt(site.Remote.Addr().String()):
		return byClient
	case s.requestsAt(site) > 0 && s.wentTo(site.Local.String(), site.Remote.String()):
		return byID
	}
	return 0
}

// wentTo tells whether the stop's upstream host is at one of two addresses: where the next one was reached, or from where, if one between them wrote
// no line. To its own workload a sidecar goes for good: what that asks begins there.
func (s *stop) wentTo(local, remote string) bool {
	host := probe.HostOf(s.line.UpstreamHost)
	return host != "" && !s.isInbound() && (host == probe.HostOf(local) || host == probe.HostOf(remote))
}

// isAt tells whether the proxy has this address: a gateway is reached there, and a sidecar by the workload that has the same.
func (s *stop) isAt(address string) bool {
	return address == probe.HostOf(s.line.DownstreamLocal) || address == probe.HostOf(s.line.DownstreamRemote)
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
