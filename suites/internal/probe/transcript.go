package probe

import (
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

var (
	statusLine  = regexp.MustCompile(`^(HTTP/[0-9.]+) ([0-9]{3})(?: (.*))?$`)
	requestLine = regexp.MustCompile(`^([A-Z]+) \S+ HTTP/`)
	trying      = regexp.MustCompile(`(?m)^\* +Trying (\S+?)\.\.\.`)
	curlError   = regexp.MustCompile(`(?m)^curl: \(\d+\) .*$`)
)

// conversation follows a transcript of curl -v: lines that begin with ">" went out, lines that begin with "<" came in.
type conversation struct {
	hops     []Response
	tunnel   *Response
	tunnels  bool      // the request under way asks the proxy for a tunnel
	speaking *Response // whose headers are being read
}

// parseTranscript finds the answers in a transcript: the site's own, and the proxy's to CONNECT. Interim answers (100 Continue,
// 103 Early Hints) announce an answer and are none.
func parseTranscript(text string) (hops []Response, tunnel *Response) {
	var c conversation
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if sent, ok := strings.CutPrefix(line, "> "); ok {
			c.sent(sent)
		}
		if received, ok := strings.CutPrefix(line, "<"); ok {
			c.received(strings.TrimPrefix(received, " "))
		}
	}
	c.close()
	return c.hops, c.tunnel
}

func (c *conversation) sent(line string) {
	if request := requestLine.FindStringSubmatch(line); request != nil {
		c.close()
		c.tunnels = request[1] == http.MethodConnect
	}
}

func (c *conversation) received(line string) {
	if status := statusLine.FindStringSubmatch(line); status != nil {
		c.close()
		code, _ := strconv.Atoi(status[2]) // three digits
		c.speaking = &Response{Protocol: status[1], Code: code, Reason: strings.TrimSpace(status[3]), Header: http.Header{}}
		return
	}
	if line == "" {
		c.close()
		return
	}
	name, value, ok := strings.Cut(line, ":")
	if ok && c.speaking != nil {
		c.speaking.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
}

// close files the answer whose headers have been read.
func (c *conversation) close() {
	answer := c.speaking
	c.speaking = nil
	switch {
	case answer == nil || answer.Code < http.StatusOK:
	case c.tunnels:
		c.tunnel = answer
	default:
		c.hops = append(c.hops, *answer)
	}
}

// lastTried is the address that curl tried last, zero when it tried none.
func lastTried(transcript string) netip.AddrPort {
	tries := trying.FindAllStringSubmatch(transcript, -1)
	if len(tries) == 0 {
		return netip.AddrPort{}
	}
	address, err := netip.ParseAddrPort(tries[len(tries)-1][1])
	if err != nil {
		return netip.AddrPort{}
	}
	return address
}
