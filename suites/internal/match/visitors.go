package match

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// visitors are the connections that came to one door of the outside world.
type visitors struct {
	door        string
	watched     bool
	known       []string // the doors that were
	neighbours  []string // other hosts behind the same door
	connections []probe.SiteConnection
}

// visitorsOf finds who came to a door, "host:port". Without variables, for it is a name of the outside world.
func visitorsOf(e probe.Evidence, door string) (visitors, error) {
	v := visitors{door: door, known: sortedKeys(e.Doors)}
	host, number, err := net.SplitHostPort(door)
	port, notANumber := strconv.ParseUint(number, 10, 16)
	if err != nil || notANumber != nil {
		return v, fmt.Errorf("it needs a host and a port, such as edition.cnn.com:443, and %q is none", door)
	}
	site, served := e.Doors[door]
	if v.watched = served && e.Sites != nil; !v.watched {
		return v, nil
	}
	for other, of := range e.Doors {
		name, behind, _ := net.SplitHostPort(other)
		if of == site && behind == number && name != host {
			v.neighbours = append(v.neighbours, name)
		}
	}
	slices.Sort(v.neighbours)
	for _, c := range e.Sites {
		if c.Site == site && uint64(c.Local.Port()) == port && v.isFor(host, c) {
			v.connections = append(v.connections, c)
		}
	}
	return v, nil
}

// isFor tells connections to a host from those to its neighbours, by the names on them; where there is none, it may be any one's.
func (v visitors) isFor(host string, c probe.SiteConnection) bool {
	var names []string
	if c.Hello != nil {
		names = append(names, c.Hello.SNI)
	}
	for _, r := range c.Requests {
		names = append(names, hostname(r.Host))
	}
	same := func(host string) func(string) bool {
		return func(name string) bool { return strings.EqualFold(strings.TrimSuffix(name, "."), host) }
	}
	if slices.ContainsFunc(names, same(host)) {
		return true
	}
	return !slices.ContainsFunc(v.neighbours, func(other string) bool { return slices.ContainsFunc(names, same(other)) })
}

// say lists who came, in the words of a failure.
func (v visitors) say() string {
	if !v.watched {
		return fmt.Sprintf("no testimony: nobody watched %s; watched were %q", v.door, v.known)
	}
	text := "no connection"
	if len(v.connections) > 0 {
		text = ""
		for _, c := range v.connections[:min(len(v.connections), shownLines)] {
			text += "\n  " + inWordsOfSite(c)
		}
		if more := len(v.connections) - shownLines; more > 0 {
			text += fmt.Sprintf("\n  and %d more", more)
		}
	}
	if len(v.neighbours) > 0 {
		text += fmt.Sprintf(" (the address is shared with %s: connections are told apart by SNI and Host)", strings.Join(v.neighbours, ", "))
	}
	return text
}

// inWordsOfSite is a connection as a reader of a log would jot it down.
func inWordsOfSite(c probe.SiteConnection) string {
	words := []string{fmt.Sprintf("%s to %s: %s", openedBy(c), c.Local, tlsOf(c))}
	if c.Earlier {
		words[0] = "on an earlier connection, " + words[0]
	}
	if c.Hello != nil {
		words = append(words, "SNI "+orNothing(c.Hello.SNI), "ALPN offered "+orNothing(strings.Join(c.Hello.ALPN, " ")))
	}
	if c.TLS != nil {
		words = append(words, "agreed on "+orNothing(c.TLS.ALPN))
		if c.TLS.Client != "" {
			words = append(words, "client "+c.TLS.Client)
		}
	}
	text := strings.Join(words, ", ")
	if len(c.Requests) == 0 {
		return text + "; no request"
	}
	for _, r := range c.Requests {
		text += fmt.Sprintf("; %s %s%s %d", r.Method, r.Host, r.Path, r.Status)
	}
	return text
}

func tlsOf(c probe.SiteConnection) string {
	switch {
	case c.Refused != "":
		return "handshake failed (" + c.Refused + ")"
	case c.TLS != nil:
		return c.TLS.Version
	case c.Hello != nil:
		return "unfinished handshake"
	default:
		return "none"
	}
}

// openedBy is who opened a connection: the workload, or the address where nobody knows whose it is.
func openedBy(c probe.SiteConnection) string {
	if c.From.IsZero() {
		return c.Remote.Addr().String()
	}
	return workload(c.From).String()
}

// workload is a peer without its container: all containers of a pod have one address.
func workload(p probe.Peer) probe.Peer {
	return probe.Peer{Namespace: p.Namespace, Workload: p.Workload}
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}
