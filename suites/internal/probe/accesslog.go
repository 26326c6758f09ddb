package probe

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// absent is how every access log here writes an empty field.
const absent = "-"

// parsers tells who reads which format. The first that understands a line wins where the format is not known.
var parsers = []struct {
	parse  func(line string) (LogLine, bool)
	writes []Format
}{
	{ParseEnvoy, []Format{EnvoyHTTP, EnvoyTCP}},
	{ParseSquid, []Format{Squid}},
	{ParseNginx, []Format{Nginx}},
	{ParseNginxSNI, []Format{NginxSNI}},
}

// Parse reads one line of a log. The hint is the format that the program writes; without one, each is tried. A line that is no
// access-log line (start-up messages, errors) comes back Unparsed, with its text.
func Parse(line string, hint Format) LogLine {
	line = strings.TrimRight(line, "\r\n")
	for _, p := range parsers {
		if hint != "" && !slices.Contains(p.writes, hint) {
			continue
		}
		if parsed, ok := p.parse(line); ok {
			return parsed
		}
	}
	return LogLine{Format: Unparsed, Raw: line, Marker: MarkerIn(line)}
}

// request splits "METHOD path PROTOCOL". The marker leaves the path and is kept beside it.
func (l *LogLine) request(text string) bool {
	method, rest, hasPath := strings.Cut(text, " ")
	i := strings.LastIndexByte(rest, ' ')
	if !hasPath || i < 0 {
		return false
	}
	path := rest[:i]
	l.Method, l.Path, l.Protocol = value(method), value(StripMarker(path)), value(rest[i+1:])
	l.Marker = MarkerIn(path)
	return true
}

// value is a field's text, empty where the program wrote a dash.
func value(field string) string {
	if field == absent {
		return ""
	}
	return field
}

// number is a field of digits; zero where the program wrote a dash.
func number(field string) int64 {
	n, err := strconv.ParseInt(field, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func milliseconds(field string) time.Duration { return time.Duration(number(field)) * time.Millisecond }

// nginxTime is $time_local. Source: https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format
const nginxTime = "02/Jan/2006:15:04:05 -0700"

func moment(layout, field string) time.Time {
	at, err := time.Parse(layout, field)
	if err != nil {
		return time.Time{}
	}
	return at
}
