package replay

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// How much a picture holds: ways, and characters of what a client or a server said.
const (
	pathWays = 4
	pathText = 100
)

// pathOf is the way that the question's traffic took, by the evidence of one attempt; nil where no request was sent.
func pathOf(q scenario.Question, e probe.Evidence) *reports.TrafficPath {
	send, isRequest := q.(scenario.SendAction)
	if !isRequest {
		return nil
	}
	j := &journey{from: send.Probe.From, evidence: e, stops: stopsOf(e), shown: map[probe.Peer]bool{}}
	for _, site := range e.Sites {
		if !site.Earlier || len(site.Requests) > 0 {
			j.sites = append(j.sites, &arrival{SiteConnection: site})
		}
	}
	join(j.stops, j.sites)
	ways := j.ways()
	j.answer(ways)
	path := &reports.TrafficPath{Ways: together(ways), Beside: j.beside()}
	if more := len(path.Ways) - pathWays; more > 0 {
		path.Ways, path.More = path.Ways[:pathWays], more
	}
	return path
}

// journey is the evidence of one attempt while its ways are put together.
type journey struct {
	from     probe.Peer
	evidence probe.Evidence
	stops    []*stop
	sites    []*arrival
	shown    map[probe.Peer]bool // whose logs are on a way
}

func (j *journey) ways() []reports.Way {
	var ways []reports.Way
	for _, s := range j.stops {
		if s.prev == nil {
			ways = append(ways, j.wayFrom(s))
		}
	}
	for _, site := range j.sites {
		if !site.told {
			ways = append(ways, reports.Way{Hops: j.wayTo(site)})
		}
	}
	if len(ways) == 0 {
		ways = append(ways, reports.Way{Hops: j.untold()})
	}
	slices.SortStableFunc(ways, func(a, b reports.Way) int { return cmp.Compare(rank(a), rank(b)) })
	return ways
}

// rank has the client's own ways come first.
func rank(way reports.Way) int {
	if way.Hops[0].Role == reports.RoleClient {
		return 0
	}
	return 1
}

// wayFrom follows the traffic from its first stop on.
func (j *journey) wayFrom(first *stop) reports.Way {
	begin, state := j.origin(first)
	way := reports.Way{RequestID: first.line.RequestID, Hops: begin}
	var last *stop
	for s := first; s != nil; s = s.next {
		if last != nil {
			way.Hops = append(way.Hops, j.gap(last, s.line.DownstreamLocal)...)
		}
		hop := j.hopOf(s)
		if s == first {
			hop.State, hop.Note = state.or(hop)
		}
		if last != nil && last.hasOtherID(s) {
			way.RequestID = ""
			hop.Line += ", under another request id"
		}
		way.Hops = append(way.Hops, hop)
		last = s
	}
	way.Hops = append(way.Hops, j.end(last)...)
	return way
}

// doubt is the state of a hop that has none of its own, and the note of any.
type doubt struct {
	state reports.HopState
	note  string
}

func (d doubt) or(hop reports.Hop) (reports.HopState, string) {
	switch {
	case d.state == "":
		return hop.State, hop.Note
	case hop.State != "":
		return hop.State, d.note
	}
	return d.state, d.note
}

// unaccounted is the doubt about what is reached by nobody who says so.
var unaccounted = doubt{reports.HopUnexpected, "no hop tells of it"}

// origin is where a stop's traffic came from, when no other stop tells: the client, with its sidecar where that wrote no line of it, or a workload on
// the way that asks another one.
func (j *journey) origin(first *stop) ([]reports.Hop, doubt) {
	from := probe.HostOf(first.line.DownstreamRemote)
	if first.line.Client != "" {
		from = first.line.Client
	}
	if first.peer == j.from.Proxy() && !first.isInbound() {
		return []reports.Hop{j.client()}, doubt{}
	}
	for _, s := range j.stops {
		if s.isInbound() && from != "" && probe.HostOf(s.line.UpstreamHost) == from {
			return []reports.Hop{{Role: reports.RoleWorkload, Name: nameOf(s.peer)}}, doubt{}
		}
	}
	_, injected := j.evidence.Logs[j.from.Proxy()]
	switch {
	case !injected:
		return []reports.Hop{j.client()}, doubt{}
	case from != j.clientIP():
		begin := []reports.Hop{{Role: reports.RoleUpstream, Name: from, State: reports.HopUnknown}}
		if !first.line.Traced {
			return begin, doubt{reports.HopUnknown, "written meanwhile, maybe of another request"}
		}
		return begin, unaccounted
	case first.line.DownstreamRemote == j.evidence.Local.String():
		return []reports.Hop{j.client()}, unaccounted
	}
	return []reports.Hop{j.client(), j.silent(j.from.Proxy())}, doubt{}
}

// clientIP is the address of the pod that asked; empty where nothing tells.
func (j *journey) clientIP() string {
	if j.evidence.Local.IsValid() {
		return j.evidence.Local.Addr().String()
	}
	for _, s := range j.stops {
		if s.peer == j.from.Proxy() && !s.isInbound() {
			return probe.HostOf(s.line.DownstreamRemote)
		}
	}
	return ""
}

func (j *journey) client() reports.Hop {
	return reports.Hop{Role: reports.RoleClient, Name: nameOf(j.from)}
}

// hopOf is what a proxy or a server tells by its line.
func (j *journey) hopOf(s *stop) reports.Hop {
	j.shown[s.peer] = true
	hop := reports.Hop{
		Role: roleOf(s), Name: nameOf(s.peer), Leg: legOf(s.line), Line: inShort(s.line), Cluster: short(s.line.UpstreamCluster), Fault: faultOf(s.line),
	}
	if s.lines > 1 {
		hop.Lines = s.lines
	}
	if hop.Cluster == "" && s.line.Route != "" {
		hop.Cluster = short("route " + s.line.Route)
	}
	switch {
	case !j.evidence.Fence[s.peer]:
		hop.Note = "not proven to be all that it wrote"
	case s.site != nil:
		hop.Note = short(s.line.Failure)
	}
	refused := s.line.Format == probe.EnvoyTCP || s.line.Code >= http.StatusBadRequest || s.line.Format == probe.NginxSNI
	if s.next == nil && s.site == nil && !s.isServer() && !s.passes() && refused {
		hop.State = reports.HopEnded
	}
	return hop
}

// gap is a hop between a stop and the address that comes after it, of which only the stop tells: by its upstream cluster.
func (j *journey) gap(s *stop, then string) []reports.Hop {
	there := probe.HostOf(s.line.UpstreamHost)
	if there == "" || s.isInbound() || there == probe.HostOf(then) || probe.HostOf(then) == "" || netip.MustParseAddr(there).IsLoopback() {
		return nil
	}
	return []reports.Hop{j.upstream(s)}
}

// upstream is the upstream host of a stop, of which nothing else is known but, where its log was looked at, that it wrote no line.
func (j *journey) upstream(s *stop) reports.Hop {
	name, named := serviceOf(s.line.UpstreamCluster)
	if !named {
		name = s.line.UpstreamHost
	}
	for peer := range j.evidence.Logs {
		if name == nameOf(peer) && peer.Container == probe.SidecarContainer {
			hop := j.silent(peer)
			hop.Address = s.line.UpstreamHost
			return hop
		}
	}
	hop := reports.Hop{Role: reports.RoleUpstream, Name: name, Address: s.line.UpstreamHost, Leg: &reports.Leg{}, State: reports.HopUnknown, Note: "nobody looked there"}
	if strings.Contains(name, gateway) {
		hop.Role = reports.RoleGateway
	}
	return hop
}

// silent is a hop that passed the traffic on, or should have, and wrote no line of it.
func (j *journey) silent(peer probe.Peer) reports.Hop {
	j.shown[peer] = true
	hop := reports.Hop{Role: roleOf(&stop{peer: peer}), Name: nameOf(peer), Leg: &reports.Leg{}}
	hop.State, hop.Note = j.silence(peer)
	return hop
}

// silence tells what it means that there is no line of a proxy.
func (j *journey) silence(peer probe.Peer) (reports.HopState, string) {
	if j.evidence.Fence[peer] {
		return reports.HopSilent, "no line, and none is missing"
	}
	return reports.HopUnknown, "no line, and nothing proves that its log was read to the end"
}

// end is where the traffic went from the last stop that tells of it.
func (j *journey) end(last *stop) []reports.Hop {
	switch {
	case last.site != nil:
		return append(j.gap(last, last.site.Local.String()), siteHop(last.site, last))
	case last.isServer() || !last.passes():
		return nil
	case last.isInbound():
		return []reports.Hop{{Role: reports.RoleWorkload, Name: nameOf(last.peer), Address: last.line.UpstreamHost, Leg: &reports.Leg{}}}
	}
	for _, site := range j.sites {
		if !site.told && site.Remote.Addr().String() == probe.HostOf(last.line.UpstreamHost) {
			site.told = true
			return []reports.Hop{j.upstream(last), siteHop(site, last)}
		}
	}
	hop := j.upstream(last)
	switch {
	case last.line.Failure != "" || last.failed():
		hop.State, hop.Note = reports.HopUnreached, short(last.line.Failure)
	case j.evidence.Sites != nil && isOutside(hop.Address):
		hop.State, hop.Note = reports.HopUnreached, "no connection arrived there"
	}
	if hop.Address == "" { // of squid or nginx
		hop.Address, hop.Name = last.line.Authority, last.line.Authority+last.line.SNI
	}
	return []reports.Hop{hop}
}

// wayTo is a connection at a site of which no stop tells.
func (j *journey) wayTo(site *arrival) []reports.Hop {
	hop := siteHop(site, nil)
	_, injected := j.evidence.Logs[j.from.Proxy()]
	client := j.clientIP()
	switch {
	case site.Remote.Addr().String() != client && client != "":
		hop.State, hop.Note = unaccounted.or(hop)
		return []reports.Hop{whoAsked(site), hop}
	case !injected:
		return []reports.Hop{j.client(), hop}
	case site.Remote == j.evidence.Local || client == "":
		hop.State, hop.Note = unaccounted.or(hop)
		return []reports.Hop{j.client(), hop}
	}
	return []reports.Hop{j.client(), j.silent(j.from.Proxy()), hop}
}

// whoAsked is the workload that a connection came from, or its address alone.
func whoAsked(site *arrival) reports.Hop {
	if site.From.IsZero() {
		return reports.Hop{Role: reports.RoleUpstream, Name: site.Remote.Addr().String(), State: reports.HopUnknown}
	}
	return reports.Hop{Role: reports.RoleWorkload, Name: nameOf(site.From), Address: site.Remote.Addr().String()}
}

// untold is the way of a client of which nobody else tells.
func (j *journey) untold() []reports.Hop {
	client := j.client()
	if !j.evidence.Remote.IsValid() {
		client.State = reports.HopEnded
		return []reports.Hop{client}
	}
	return []reports.Hop{client, {
		Role: reports.RoleUpstream, Name: j.evidence.Remote.String(), Leg: &reports.Leg{}, State: reports.HopUnknown, Note: "nobody looked there",
	}}
}

// siteHop is what a site tells of a connection, and of the request that the stop before it passed on.
func siteHop(site *arrival, before *stop) reports.Hop {
	hop := reports.Hop{Role: reports.RoleSite, Name: site.Site, Address: site.Local.String(), Leg: &reports.Leg{}}
	if hello := site.Hello; hello != nil {
		hop.Leg.TLS, hop.Leg.SNI, hop.Leg.NoSNI = "TLS", short(hello.SNI), hello.SNI == ""
		if len(hello.ALPN) > 0 {
			hop.Leg.ALPN = "offered " + short(strings.Join(hello.ALPN, ","))
		}
	}
	if tls := site.TLS; tls != nil {
		hop.Leg.TLS, hop.Leg.Client = tls.Version, short(tls.Client)
		if tls.ALPN != "" {
			hop.Leg.ALPN = tls.ALPN
		}
	}
	own := site.Requests
	if before != nil && before.line.RequestID != "" && before.requestsAt(site) > 0 {
		own = slices.DeleteFunc(slices.Clone(own), func(r probe.SiteRequest) bool { return r.RequestID != before.line.RequestID })
		if len(own) > 1 {
			hop.Lines = len(own)
		}
	}
	if len(own) > 0 {
		hop.Leg.Protocol = strings.Replace(own[0].Protocol, "HTTP/2.0", "HTTP/2", 1) // as Envoy calls it
		hop.Line = short(fmt.Sprintf("%s %s %d", own[0].Method, own[0].Path, own[0].Status))
	}
	if site.Refused != "" {
		hop.State, hop.Note = reports.HopEnded, short(site.Refused)
	}
	if before != nil && before.tries > 1 {
		hop.Note = fmt.Sprintf("%s (%d connections)", hop.Note, before.tries)
	}
	return hop
}

// beside are the proxies and servers whose logs were looked at and that are on no way.
func (j *journey) beside() []reports.Hop {
	var all []reports.Hop
	byName := func(a, b probe.Peer) int { return strings.Compare(a.String(), b.String()) }
	for _, peer := range slices.SortedFunc(maps.Keys(j.evidence.Logs), byName) {
		if j.shown[peer] {
			continue
		}
		hop := reports.Hop{Role: roleOf(&stop{peer: peer}), Name: nameOf(peer)}
		hop.State, hop.Note = j.silence(peer)
		all = append(all, hop)
	}
	return all
}

var (
	curlTLS  = regexp.MustCompile(`(?m)^\* SSL connection using TLSv([0-9.]+)`)
	curlALPN = regexp.MustCompile(`(?m)^\* ALPN[:,] server accepted (?:to use )?(\S+)`)
)

// answer adds what the client says: its exit code and the answers it got, and what it agreed on over TLS, where it did so once.
//
// Source: the transcript of curl -v, https://curl.se/docs/manpage.html#-v
func (j *journey) answer(ways []reports.Way) {
	e := j.evidence
	said := []string{fmt.Sprintf("exit %d", e.Exit)}
	if e.Tunnel != nil {
		said = append(said, fmt.Sprintf("CONNECT %d", e.Tunnel.Code))
	}
	for _, hop := range e.Hops {
		said = append(said, fmt.Sprint(hop.Code))
	}
	var overTLS []*reports.Leg
	isFirst := true
	for i := range ways {
		hops := ways[i].Hops
		if hops[0].Role != reports.RoleClient {
			continue
		}
		if isFirst {
			hops[0].Line, isFirst = strings.Join(said, ", "), false
		}
		if len(hops) > 1 && (hops[1].Leg.TLS != "" || !strings.HasPrefix(hops[1].Leg.Protocol, "HTTP/")) {
			overTLS = append(overTLS, hops[1].Leg)
		}
	}
	secured, agreed := curlTLS.FindAllStringSubmatch(e.Stderr, -1), curlALPN.FindStringSubmatch(e.Stderr)
	if len(overTLS) != 1 || len(secured) != 1 {
		return
	}
	overTLS[0].TLS = "TLS " + secured[0][1]
	if agreed != nil {
		overTLS[0].ALPN = agreed[1]
	}
}

// together makes one way of those that are equal but for their request ids.
func together(ways []reports.Way) []reports.Way {
	var all []reports.Way
	at := map[string]int{}
	for _, way := range ways {
		alike := slices.Clone(way.Hops)
		alike[0].Line = "" // what the client says stands at its first way
		text, err := json.Marshal(alike)
		i, known := at[string(text)]
		if err != nil || !known {
			at[string(text)] = len(all)
			all = append(all, way)
			continue
		}
		all[i].Times, all[i].RequestID = max(all[i].Times, 1)+1, ""
	}
	return all
}

// legOf is the connection on which a line's traffic came, by that line.
func legOf(line probe.LogLine) *reports.Leg {
	leg := &reports.Leg{Protocol: line.Protocol, SNI: short(line.SNI)}
	if line.SNI != "" {
		leg.TLS = "TLS"
	}
	switch {
	case line.Format == probe.EnvoyTCP:
		leg.Protocol = "TCP"
	case line.Method == http.MethodConnect:
		leg.Protocol = line.Method
	}
	return leg
}

// inShort is what a line tells of the traffic.
func inShort(line probe.LogLine) string {
	words := []string{line.Method, line.Path, line.Authority, line.Result}
	switch line.Format {
	case probe.EnvoyTCP:
		words = []string{"connection"}
	case probe.NginxSNI:
		words = []string{"connection", fmt.Sprint(line.Code)}
	case probe.EnvoyHTTP, probe.Nginx:
		words = []string{line.Method, line.Path, fmt.Sprint(line.Code)}
	case probe.Squid, probe.Unparsed:
	}
	if len(line.Flags) > 0 {
		words = append(words, strings.Join(line.Flags, ","))
	}
	if line.UpstreamHost == "" && line.Details != "" {
		words = append(words, line.Details)
	}
	words = slices.DeleteFunc(words, func(word string) bool { return word == "" })
	return short(strings.Join(words, " "))
}

// faultOf is what an Envoy's line tells of traffic that it could not serve; nil where it tells of none, or passes on another's.
func faultOf(line probe.LogLine) *reports.Fault {
	const passedOn = "via_upstream"
	isHTTP := line.Format == probe.EnvoyHTTP
	refused := isHTTP && line.Code >= http.StatusBadRequest && line.Details != passedOn
	if !isHTTP && line.Format != probe.EnvoyTCP || len(line.Flags) == 0 && !refused {
		return nil
	}
	details := cmp.Or(line.Details, line.Termination)
	if line.Failure != "" {
		details, _, _ = strings.Cut(details, "{") // the failure, once more
	}
	return &reports.Fault{
		Code: line.Code, Flags: strings.Join(slices.Sorted(slices.Values(line.Flags)), ","), Details: short(details), Failure: short(line.Failure),
	}
}

// gateway is part of the name of every gateway of Istio's and of the pages.
const gateway = "gateway"

func roleOf(s *stop) reports.HopRole {
	switch {
	case s.line.Format == probe.Squid || s.line.Format == probe.NginxSNI:
		return reports.RoleProxy
	case s.peer.Container != probe.SidecarContainer:
		return reports.RoleWorkload
	case strings.Contains(s.peer.Workload, gateway):
		return reports.RoleGateway
	}
	return reports.RoleSidecar
}

// nameOf is the peer without its container: the role tells which is meant. Beside a gateway in its pod another program is named for itself.
func nameOf(peer probe.Peer) string {
	if strings.Contains(peer.Workload, gateway) && peer.Container != "" && peer.Container != probe.SidecarContainer {
		return peer.Container + "." + peer.Namespace
	}
	return peer.Workload + "." + peer.Namespace
}

// serviceOf is the host of an upstream cluster, of a Service of the mesh its name and namespace; false for clusters without one, as PassthroughCluster.
//
// Source: https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/
func serviceOf(cluster string) (string, bool) {
	at := strings.LastIndexByte(cluster, '|')
	return strings.TrimSuffix(cluster[at+1:], ".svc.cluster.local"), at >= 0
}

// documentation are the addresses of the outside world, RFC 5737.
var documentation = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24")}

func isOutside(address string) bool {
	parsed, err := netip.ParseAddrPort(address)
	return err == nil && slices.ContainsFunc(documentation, func(p netip.Prefix) bool { return p.Contains(parsed.Addr()) })
}

// short is the beginning of a text that came from outside.
func short(text string) string {
	letters := []rune(text)
	if len(letters) <= pathText {
		return text
	}
	return string(letters[:pathText]) + "…"
}
