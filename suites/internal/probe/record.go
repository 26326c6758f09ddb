package probe

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"
)

// How much of an attempt is kept in files. Whoever needs more asks again.
const (
	writtenBody        = 16 << 10
	writtenTranscript  = 64 << 10
	writtenObjects     = 64 << 10
	writtenLogLines    = 200 // per proxy
	writtenConnections = 200
)

// record is Evidence as it is written: readable, bounded, durations in seconds, log lines as the programs wrote them.
type record struct {
	At       time.Time                 `json:"at,omitzero"`
	Took     float64                   `json:"took"`
	Command  string                    `json:"command,omitempty"`
	Requests int                       `json:"requests,omitempty"`
	Exit     int                       `json:"exit"`
	Answers  []answer                  `json:"answers,omitempty"`
	Tunnel   *answer                   `json:"tunnel,omitempty"`
	Server   *certificateRecord        `json:"server,omitempty"`
	Remote   string                    `json:"remote,omitempty"`
	Local    string                    `json:"local,omitempty"`
	Timing   *timingRecord             `json:"timing,omitempty"`
	Stdout   string                    `json:"stdout,omitempty"`
	Stderr   string                    `json:"stderr,omitempty"`
	Vars     map[string]string         `json:"vars,omitempty"`
	Table    [][]string                `json:"table,omitempty"`
	Objects  any                       `json:"objects,omitempty"`
	Proxies  []string                  `json:"proxies,omitempty"`
	Counters map[string]map[string]int `json:"counters,omitempty"`
	Sites    []SiteConnection          `json:"sites,omitzero"` // empty where nobody came, absent where nobody looked
	Marker   string                    `json:"marker,omitempty"`
	Logs     map[string][]string       `json:"logs,omitempty"`
	Complete []string                  `json:"complete,omitempty"` // whose logs are proven to hold all there is
}

type answer struct {
	Line   string      `json:"line"`
	Header http.Header `json:"header,omitempty"`
}

type certificateRecord struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	DNSNames  []string  `json:"dnsNames,omitempty"`
	Serial    string    `json:"serial"`
	Key       string    `json:"key,omitempty"`
	Signature string    `json:"signature,omitempty"`
	NotBefore time.Time `json:"notBefore,omitzero"`
	NotAfter  time.Time `json:"notAfter,omitzero"`
}

type timingRecord struct {
	Lookup  float64 `json:"lookup"`
	Connect float64 `json:"connect"`
	TLS     float64 `json:"tls"`
	Total   float64 `json:"total"`
}

// MarshalJSON writes the attempt for people and their tools. Bodies and transcripts are cut, with a note of what is left out, and a
// proxy's configuration is named only: it is too large to be read in one piece.
func (e Evidence) MarshalJSON() ([]byte, error) {
	r := record{
		At: e.At, Took: inSeconds(e.Took), Command: Quote(e.Command), Requests: e.Requests, Exit: e.Exit, Answers: answersOf(e.Hops),
		Stdout: cut(e.Stdout, writtenBody, e.Size), Stderr: cut(e.Stderr, writtenTranscript, 0),
		Vars: e.Vars, Objects: objects(e.Objects), Proxies: peerNames(e.Proxies), Counters: counters(e.Counters), Sites: atMost(writtenConnections, e.Sites),
		Marker: e.Marker,
		Logs:   rawLines(e.Logs), Complete: fenced(e.Fence),
	}
	if e.Tunnel != nil {
		r.Tunnel = &answersOf([]Response{*e.Tunnel})[0]
	}
	if e.Server != nil {
		r.Server = (*certificateRecord)(e.Server)
	}
	if e.Remote.IsValid() {
		r.Remote = e.Remote.String()
	}
	if e.Local.IsValid() {
		r.Local = e.Local.String()
	}
	if e.Timing != (Timing{}) {
		t := e.Timing
		r.Timing = &timingRecord{inSeconds(t.Lookup), inSeconds(t.Connect), inSeconds(t.TLS), inSeconds(t.Total)}
	}
	if e.Table != nil {
		r.Table = append([][]string{e.Table.Columns}, e.Table.Rows...)
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("the evidence cannot be written: %w", err)
	}
	return text, nil
}

func answersOf(hops []Response) []answer {
	var all []answer
	for _, hop := range hops {
		all = append(all, answer{Line: hop.Line(), Header: headers(hop.Header)})
	}
	return all
}

// headers are those of an answer, as much of them as of a transcript.
func headers(all http.Header) http.Header {
	written := make(http.Header, len(all))
	left := writtenTranscript
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, value := range all[name] {
			written[name] = append(written[name], cut(value, min(left, writtenBody), 0))
			left = max(0, left-len(value))
		}
	}
	return written
}

func counters(of map[Peer]map[string]int) map[string]map[string]int {
	named := make(map[string]map[string]int, len(of))
	for peer, grown := range of {
		named[peer.String()] = grown
	}
	return named
}

// objects are the objects without the bookkeeping of the API server; a note where they are too large to be read.
func objects(all []Object) any {
	if len(all) == 0 {
		return nil
	}
	shown := make([]Object, len(all))
	for i, object := range all {
		shown[i] = maps.Clone(object)
		if metadata, ok := object["metadata"].(map[string]any); ok {
			metadata = maps.Clone(metadata)
			delete(metadata, "managedFields")
			shown[i]["metadata"] = metadata
		}
	}
	if text, err := json.Marshal(shown); err != nil || len(text) > writtenObjects {
		return fmt.Sprintf("%d objects of %d bytes are left out", len(all), len(text))
	}
	return shown
}

// rawLines are the lines themselves: a reader knows their form, and parsed they would be five times as long.
func rawLines(logs map[Peer][]LogLine) map[string][]string {
	raw := make(map[string][]string, len(logs))
	for peer, lines := range logs {
		texts := []string{}
		for i, line := range lines {
			if i == writtenLogLines {
				texts = append(texts, fmt.Sprintf("[%d more lines are left out]", len(lines)-i))
				break
			}
			texts = append(texts, clip(line.Raw, writtenBody))
		}
		raw[peer.String()] = texts
	}
	return raw
}

// atMost are the first connections. A question has one or two; only one that went wrong has hundreds.
func atMost(n int, all []SiteConnection) []SiteConnection { return all[:min(n, len(all))] }

func fenced(fence map[Peer]bool) []string {
	proven := map[Peer]bool{}
	for peer, seen := range fence {
		if seen {
			proven[peer] = true
		}
	}
	return peerNames(proven)
}

// cut keeps the beginning of text and notes what it leaves out. A body longer than KeptBody was cut before; size tells how long it was.
func cut(text string, limit int, size int64) string {
	if len(text) <= limit {
		return text
	}
	kept := clip(text, limit)
	size = max(size, int64(len(text)))
	return fmt.Sprintf("%s\n[%d of %d bytes are left out]", kept, size-int64(len(kept)), size)
}

func inSeconds(d time.Duration) float64 { return math.Round(d.Seconds()*1e6) / 1e6 }
