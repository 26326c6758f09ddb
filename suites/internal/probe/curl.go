package probe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrCut is returned when an answer did not arrive whole: curl ended before its own summary, or a stream broke off on the way.
// It says nothing about the mesh; curl's own failures are answers, not errors.
var ErrCut = errors.New("curl's answer did not arrive whole")

// ErrContradiction is returned when what arrived contradicts curl's own summary of it.
var ErrContradiction = errors.New("curl's transcript and its summary contradict each other")

// KeptBody is how much of a body evidence keeps, in bytes. Evidence.Size tells how long it was.
const KeptBody = 256 << 10

// lastMark finds the trailer's mark at the end of the standard error. A body cannot reach that stream, and no line of a transcript
// starts like the mark: what stands there was written by curl for us. A kubectl in between adds a line of its own.
var lastMark = regexp.MustCompile(`(?s)^(|.*?\n)(--- meshproof [0-9a-z]+ ---)\n?(?:command terminated with exit code \d+\n?)?$`)

// summary is the part of curl's %{json} that evidence needs.
//
// Source: https://curl.se/docs/manpage.html#-w
type summary struct {
	ExitCode    int     `json:"exitcode"`
	Code        int     `json:"http_code"`
	URL         string  `json:"url"`
	RemoteIP    string  `json:"remote_ip"`
	RemotePort  int     `json:"remote_port"` // -1 in some versions when RemoteIP is empty
	LocalIP     string  `json:"local_ip"`
	LocalPort   int     `json:"local_port"` // as RemotePort
	Size        int64   `json:"size_download"`
	NameLookup  float64 `json:"time_namelookup"`
	Connect     float64 `json:"time_connect"`
	AppConnect  float64 `json:"time_appconnect"`
	TotalSecond float64 `json:"time_total"`
}

// ParseCurl reads what a command made by Probe.Command brought back. The evidence holds what curl can know: exit code, body,
// transcript, answers, certificate, address, timing and marker; all of it reads as if the request had not been marked.
//
// The error is ErrCut or ErrContradiction: nobody was asked. That curl failed is evidence.
func ParseCurl(stdout, stderr []byte, exit int) (Evidence, error) {
	ends := lastMark.FindSubmatch(stderr)
	if ends == nil {
		return Evidence{}, fmt.Errorf("%w: exit %d, and the transcript ends with %q; ask again", ErrCut, exit, tail(stderr))
	}
	body, trailer, found := cutLast(stdout, append(append([]byte("\n"), ends[2]...), '\n'))
	if !found {
		return Evidence{}, fmt.Errorf("%w: exit %d, and the output ends with %q; ask again", ErrCut, exit, tail(stdout))
	}
	line, certs, _ := bytes.Cut(trailer, []byte("\n"))
	var sum summary
	if err := json.Unmarshal(line, &sum); err != nil {
		return Evidence{}, fmt.Errorf("%w: its summary %q cannot be read: %w", ErrCut, tail(line), err)
	}
	transcript := StripMarker(string(bytes.TrimSuffix(ends[1], []byte("\n")))) // the empty line is the trailer's
	hops, tunnel := parseTranscript(transcript)
	if err := agree(sum, exit, hops); err != nil {
		return Evidence{}, err
	}
	return Evidence{
		Exit: exit, Stdout: keep(StripMarker(string(body))), Stderr: transcript, Size: sum.Size,
		Hops: hops, Tunnel: tunnel, Server: parseLeaf(certs), Remote: sum.remote(transcript),
		Local: addrPort(sum.LocalIP, sum.LocalPort), Timing: sum.timing(), Marker: MarkerIn(sum.URL),
	}, nil
}

// agree compares the two accounts of the same request.
func agree(sum summary, exit int, hops []Response) error {
	if (sum.ExitCode == 0) != (exit == 0) {
		return fmt.Errorf("%w: curl ended with %d, the command with %d", ErrContradiction, sum.ExitCode, exit)
	}
	if sum.Code == 0 {
		return nil // no answer at the last address; there may have been redirects before
	}
	if last := (Evidence{Hops: hops}).Last(); last == nil || last.Code != sum.Code {
		return fmt.Errorf("%w: the last answer was %d by the summary, and the transcript has %d answers", ErrContradiction, sum.Code, len(hops))
	}
	return nil
}

// remote is the address of the last connection that stood. Some versions (8.14 among them) forget it when TLS fails after the
// connection stood; the transcript still knows where curl went last.
func (s summary) remote(transcript string) netip.AddrPort {
	if remote := addrPort(s.RemoteIP, s.RemotePort); remote.IsValid() {
		return remote
	}
	if s.Connect <= 0 {
		return netip.AddrPort{} // it never stood
	}
	return lastTried(transcript)
}

// addrPort is zero where curl knew no address.
func addrPort(ip string, port int) netip.AddrPort {
	address, err := netip.ParseAddr(ip)
	if err != nil || port <= 0 || port > math.MaxUint16 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(address, uint16(port))
}

func (s summary) timing() Timing {
	since := func(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
	return Timing{Lookup: since(s.NameLookup), Connect: since(s.Connect), TLS: since(s.AppConnect), Total: since(s.TotalSecond)}
}

func cutLast(text, separator []byte) (before, after []byte, found bool) {
	i := bytes.LastIndex(text, separator)
	if i < 0 {
		return nil, nil, false
	}
	return text[:i], text[i+len(separator):], true
}

// keep is the beginning of a body, cut between two characters.
func keep(body string) string { return clip(body, KeptBody) }

func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// tail is the last line of what arrived, for an error message.
func tail(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	last := lines[len(lines)-1]
	return last[max(0, len(last)-120):]
}
