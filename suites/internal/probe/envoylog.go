package probe

import (
	"regexp"
	"strings"
	"time"
)

// envoyLine is Istio's default text format. Its two generations differ between the flags and the byte counts only: up to 1.8 Mixer's
// status and the failure, both quoted; from then on the response-code details, the termination details and the quoted failure.
// Envoy escapes nothing of what a client sends, not even quotes. Everything is therefore anchored on both sides, and the one field that a client may fill
// with quotes and blanks, the user agent, takes what the others leave.
//
// Source: https://istio.io/latest/docs/tasks/observability/logs/access-log/#default-access-log-format
var envoyLine = regexp.MustCompile(strings.Join([]string{
	`^\[(?P<start>[^\]]+)\]`,
	`"(?P<request>.*?)"`,
	`(?P<code>\d+|-)`,
	`(?P<flags>[^" ]+)`,
	`(?:"[^"]*" "(?P<failure6>[^"]*)"|(?P<details>[^" ]+) (?P<termination>[^"]+) "(?P<failure>.*?)")`,
	`(?P<received>\d+|-)`,
	`(?P<sent>\d+|-)`,
	`(?P<duration>\d+|-)`,
	`[^" ]+`, // the upstream's own time
	`"(?P<forwarded>.*?)"`,
	`"(?P<agent>.*)"`,
	`"(?P<id>[^"]*)"`,
	`"(?P<authority>[^"]*)"`,
	`"(?P<upstream>[^"]*)"`,
	`(?P<cluster>\S+)`,
	`(?P<local>\S+)`,
	`(?P<downlocal>\S+)`,
	`(?P<downremote>\S+)`,
	`(?P<sni>\S+)`,
	`(?P<route>.+)$`,
}, " "))

// ParseEnvoy reads a line of Istio's default text format: of an HTTP request, or of a connection ("- - -").
func ParseEnvoy(line string) (LogLine, bool) {
	field, ok := fields(envoyLine, line)
	if !ok {
		return LogLine{}, false
	}
	l := LogLine{
		Format: EnvoyHTTP, Raw: line, Start: moment(time.RFC3339Nano, field("start")),
		Code: int(number(field("code"))), Details: value(field("details")), Termination: value(field("termination")),
		Failure:  value(field("failure") + field("failure6")),
		Received: number(field("received")), Sent: number(field("sent")), Duration: milliseconds(field("duration")),
		ForwardedFor: value(field("forwarded")), UserAgent: value(field("agent")), RequestID: value(field("id")),
		Authority: value(field("authority")), UpstreamHost: value(field("upstream")),
		// Since 1.24 Istio ends the names of statistics with a semicolon; some formats print those.
		UpstreamCluster: value(strings.TrimSuffix(field("cluster"), ";")),
		UpstreamLocal:   value(field("local")), DownstreamLocal: value(field("downlocal")), DownstreamRemote: value(field("downremote")),
		SNI: value(field("sni")), Route: value(field("route")),
	}
	if flags := value(field("flags")); flags != "" {
		l.Flags = strings.Split(flags, ",")
	}
	if field("request") == "- - -" {
		l.Format = EnvoyTCP
	}
	return l, l.request(field("request")) && !l.Start.IsZero()
}

// fields reads the named groups of a pattern.
func fields(pattern *regexp.Regexp, line string) (func(name string) string, bool) {
	found := pattern.FindStringSubmatch(line)
	if found == nil {
		return nil, false
	}
	return func(name string) string { return found[pattern.SubexpIndex(name)] }, true
}
