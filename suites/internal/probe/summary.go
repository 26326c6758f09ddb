package probe

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const (
	summaryRows  = 3
	summaryWidth = 160 // characters of a line that came from outside
)

// Summary is the attempt in one to three lines, for a person who reads why a promise was missed:
//
//	exit 0   301 location="https://edition.cnn.com/politics"   200
func (e Evidence) Summary() string {
	exit := fmt.Sprintf("exit %d", e.Exit)
	switch {
	case len(e.Proxies) > 0:
		return "read the configuration of " + strings.Join(peerNames(e.Proxies), ", ")
	case e.Table != nil && len(e.Table.Rows) > 0:
		return exit + "   " + strings.Join(e.Table.summary(), "\n")
	case len(e.Hops) > 0 || e.Tunnel != nil:
		return strings.Join(append([]string{exit}, e.answers()...), "   ") + e.complaint()
	default:
		return strings.TrimRight(exit+"   "+e.said(), " ")
	}
}

// answers are the answers of the proxy and of the sites, in their order.
func (e Evidence) answers() []string {
	var all []string
	if e.Tunnel != nil {
		all = append(all, fmt.Sprintf("CONNECT %d", e.Tunnel.Code))
	}
	for _, hop := range e.Hops {
		answer := fmt.Sprint(hop.Code)
		if location := hop.Header.Get("Location"); location != "" {
			answer += fmt.Sprintf(" location=%q", location)
		}
		all = append(all, answer)
	}
	return all
}

// complaint is a second line where somebody had something to say: curl, or a server that refused.
func (e Evidence) complaint() string {
	if text := e.CurlError(); text != "" {
		return "\n" + firstLine(text)
	}
	if last := e.Last(); last != nil && last.Code >= http.StatusBadRequest && e.Stdout != "" {
		return fmt.Sprintf("\nbody %q", firstLine(e.Stdout))
	}
	return ""
}

// said is what a command said that brought back neither answers nor rows.
func (e Evidence) said() string {
	for _, text := range []string{e.CurlError(), e.Stdout, e.Stderr} {
		if line := firstLine(text); line != "" {
			return line
		}
	}
	return ""
}

// summary is one line per row, each cell under its column's name.
func (t *Table) summary() []string {
	var lines []string
	for i, row := range t.Rows {
		if i == summaryRows-1 && len(t.Rows) > summaryRows {
			return append(lines, fmt.Sprintf("and %d more rows", len(t.Rows)-i))
		}
		var cells []string
		for j, cell := range row {
			if j < len(t.Columns) {
				cells = append(cells, t.Columns[j]+"="+cell)
			}
		}
		lines = append(lines, strings.Join(cells, "  "))
	}
	return lines
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	line = strings.TrimRight(line, "\r")
	if short := clip(line, summaryWidth); short != line {
		return short + "…"
	}
	return line
}

func peerNames[V any](byPeer map[Peer]V) []string {
	var names []string
	for peer := range maps.Keys(byPeer) {
		names = append(names, peer.String())
	}
	slices.Sort(names)
	return names
}
