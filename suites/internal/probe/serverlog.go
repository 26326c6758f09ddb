package probe

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// nginxLine is nginx's "main" format. The mutual-TLS pages put the status before the request, nginx's own file after it.
//
// Source: https://nginx.org/en/docs/http/ngx_http_log_module.html
var nginxLine = regexp.MustCompile(`^(?P<client>\S+) - (?P<user>.+?) \[(?P<time>[^\]]+)\] +` +
	`(?:(?P<status>\d{3}) "(?P<request>.*?)"|"(?P<request2>.*?)" (?P<status2>\d{3})) ` +
	`(?P<bytes>\d+) "(?P<referer>[^"]*)" "(?P<agent>.*?)"(?: "(?P<forwarded>[^"]*)")?$`)

// ParseNginx reads a line of nginx's main format.
func ParseNginx(line string) (LogLine, bool) {
	field, ok := fields(nginxLine, line)
	if !ok {
		return LogLine{}, false
	}
	l := LogLine{
		Format: Nginx, Raw: line, Start: moment(nginxTime, field("time")), Client: value(field("client")),
		Code: int(number(field("status") + field("status2"))), Sent: number(field("bytes")),
		UserAgent: unescaped(field("agent")), ForwardedFor: unescaped(field("forwarded")),
	}
	// A client that speaks TLS to a plain port leaves bytes that are no request line: the line stands, its fields are empty.
	l.request(unescaped(field("request") + field("request2")))
	return l, !l.Start.IsZero()
}

var escapedByte = regexp.MustCompile(`\\x[0-9A-F]{2}`)

// unescaped is the text of a field in which nginx wrote quotes, backslashes and control characters as \xXX.
func unescaped(field string) string {
	return value(escapedByte.ReplaceAllStringFunc(field, func(found string) string {
		code, err := strconv.ParseUint(found[2:], 16, 8)
		if err != nil {
			return found
		}
		return string([]byte{byte(code)})
	}))
}

// sniLine is the stream format of the wildcard page's SNI proxy.
var sniLine = regexp.MustCompile(`^(?P<client>\S+) \[(?P<time>[^\]]+)\] (?P<protocol>TCP|UDP) \[(?P<sni>[^\]]*)\] ?` +
	`(?P<status>\d{3}) (?P<sent>\d+) (?P<received>\d+) (?P<seconds>[\d.]+)$`)

// ParseNginxSNI reads a line of the SNI proxy: a connection, its SNI, and how the session ended (200 is well).
//
// Source: https://nginx.org/en/docs/stream/ngx_stream_core_module.html#var_status
func ParseNginxSNI(line string) (LogLine, bool) {
	field, ok := fields(sniLine, line)
	if !ok {
		return LogLine{}, false
	}
	l := LogLine{
		Format: NginxSNI, Raw: line, Start: moment(nginxTime, field("time")), Client: value(field("client")),
		Protocol: field("protocol"), SNI: value(field("sni")), Code: int(number(field("status"))),
		Sent: number(field("sent")), Received: number(field("received")), Duration: fraction(field("seconds")),
	}
	return l, !l.Start.IsZero()
}

// squidLine is squid's native format; its columns are padded with blanks.
//
// Source: https://wiki.squid-cache.org/Features/LogFormat#squid-native-accesslog-format-in-detail
var squidLine = regexp.MustCompile(`^(?P<ended>\d+\.\d{3}) +(?P<elapsed>\d+) (?P<client>\S+) (?P<result>[A-Z_]+/(?P<code>\d{3})) ` +
	`(?P<bytes>\d+) (?P<method>\S+) (?P<url>\S+) (?P<user>\S+) (?P<hierarchy>\S+) \S+$`)

// ParseSquid reads a line of squid's native format. Squid logs when a request ended; Start is that less the time it took.
// The target of a CONNECT is the Authority, as HTTP calls it; the URL of any other request is the Path.
func ParseSquid(line string) (LogLine, bool) {
	field, ok := fields(squidLine, line)
	if !ok {
		return LogLine{}, false
	}
	elapsed, url := milliseconds(field("elapsed")), field("url")
	l := LogLine{
		Format: Squid, Raw: line, Start: epoch(field("ended")).Add(-elapsed), Duration: elapsed,
		Client: field("client"), Result: field("result"), Code: int(number(field("code"))), Sent: number(field("bytes")),
		Method: value(field("method")), Hierarchy: field("hierarchy"),
	}
	if l.Method == http.MethodConnect {
		l.Authority = value(url)
		return l, true
	}
	l.Path, l.Marker = value(StripMarker(url)), MarkerIn(url)
	return l, true
}

// epoch is seconds.milliseconds since 1970.
func epoch(field string) time.Time {
	return time.UnixMilli(number(strings.Replace(field, ".", "", 1))).UTC()
}

// fraction is seconds with a decimal point.
func fraction(field string) time.Duration {
	seconds, err := strconv.ParseFloat(field, 64)
	if err != nil || math.Abs(seconds) > math.MaxInt64/float64(time.Second) {
		return 0
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Millisecond)
}
