package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// Line is a pattern for a line of an access log. Only the fields that are set must fit; Dash demands that a field is empty.
// The fields are those of probe.LogLine. Flags may be a text ("UF,URX") or a list of texts: all of them, in any order, and no others.
type Line struct {
	Method, Path, Protocol, Code                  any
	Flags, Details, Termination, Failure          any
	Received, Sent, Duration                      any
	ForwardedFor, UserAgent, RequestID, Authority any
	UpstreamHost, UpstreamCluster, UpstreamLocal  any
	DownstreamLocal, DownstreamRemote, SNI, Route any
	Client, Result, Hierarchy                     any
}

// lineField is one field of a pattern beside what a line has there.
type lineField struct {
	name string
	bare bool // reads by itself, as it does in the log
	want any
	got  any
}

// fields lists the fields that are set, in the order of the log.
func (l Line) fields(got probe.LogLine) []lineField {
	all := []lineField{
		{"method", true, l.Method, got.Method},
		{"path", true, l.Path, got.Path},
		{"protocol", true, l.Protocol, got.Protocol},
		{"code", true, l.Code, got.Code},
		{"flags", false, flagsWanted(l.Flags), strings.Join(got.Flags, ",")},
		{"details", false, l.Details, got.Details},
		{"termination", false, l.Termination, got.Termination},
		{"failure", false, l.Failure, got.Failure},
		{"received", false, l.Received, got.Received},
		{"sent", false, l.Sent, got.Sent},
		{"duration", false, l.Duration, got.Duration},
		{"x-forwarded-for", false, l.ForwardedFor, got.ForwardedFor},
		{"user agent", false, l.UserAgent, got.UserAgent},
		{"request id", false, l.RequestID, got.RequestID},
		{"authority", false, l.Authority, got.Authority},
		{"upstream host", false, l.UpstreamHost, got.UpstreamHost},
		{"cluster", true, l.UpstreamCluster, got.UpstreamCluster},
		{"upstream local", false, l.UpstreamLocal, got.UpstreamLocal},
		{"downstream local", false, l.DownstreamLocal, got.DownstreamLocal},
		{"downstream remote", false, l.DownstreamRemote, got.DownstreamRemote},
		{"sni", false, l.SNI, got.SNI},
		{"route", false, l.Route, got.Route},
		{"client", false, l.Client, got.Client},
		{"result", true, l.Result, decided(got.Result)},
		{"hierarchy", false, l.Hierarchy, got.Hierarchy},
	}
	return slices.DeleteFunc(all, func(f lineField) bool { return f.want == nil })
}

// decided is a result without whether the client waited for all of a refusal: curl hangs up when it has read the 403, and is now and then faster than
// squid, which then writes TCP_DENIED_ABORTED.
//
// Source: https://wiki.squid-cache.org/SquidFaq/SquidLogs#squid-result-codes
func decided(result string) string {
	return strings.Replace(result, "TCP_DENIED_ABORTED/", "TCP_DENIED/", 1)
}

// differences are the fields in which a line is not as wanted, in words.
func (l Line) differences(e probe.Evidence, got probe.LogLine) ([]string, error) {
	var all []string
	for _, f := range l.fields(got) {
		ok, says, err := compare(e, f.want, f.got)
		if err != nil {
			return nil, fmt.Errorf("the %s of a log line: %w", f.name, err)
		}
		if !ok {
			all = append(all, fmt.Sprintf("%s %s, wanted %s", f.name, shown(f.got), says))
		}
	}
	return all, nil
}

// describe is the pattern as a reader of logs would jot it down: {GET /politics HTTP/2 301 outbound|80||edition.cnn.com}.
func (l Line) describe(e probe.Evidence) string {
	var words []string
	for _, f := range l.fields(probe.LogLine{}) {
		_, says, err := compare(e, f.want, f.got)
		if err != nil {
			says = fmt.Sprint(f.want)
		}
		text, plain := f.want.(string)
		switch {
		case f.bare && plain:
			words = append(words, e.Expand(text))
		case f.bare && f.name == "code":
			words = append(words, says)
		default:
			words = append(words, f.name+"="+says)
		}
	}
	return "{" + strings.Join(words, " ") + "}"
}

// refuses tells whether the pattern is that of a refusal: an error, a flag, a route or cluster that goes nowhere.
func (l Line) refuses() bool {
	code, _ := l.Code.(int)
	result, _ := l.Result.(string)
	return code >= 400 || l.UpstreamCluster == "BlackHoleCluster" || l.Route == "block_all" || strings.HasPrefix(result, "TCP_DENIED") ||
		demands(l.Flags) || demands(l.Failure)
}

// demands tells whether a field must hold something.
func demands(want any) bool { return want != nil && want != Dash }

// flagList wants the flags of the line, in any order.
type flagList []string

func flagsWanted(want any) any {
	switch want := want.(type) {
	case string:
		return flagList(strings.Split(want, ","))
	case []string:
		return flagList(want)
	default:
		return want
	}
}

var _ types.GomegaMatcher = flagList{}

// Match tells whether a line's flags, joined by commas, are those that are wanted.
func (f flagList) Match(actual any) (bool, error) {
	text, ok := actual.(string)
	if !ok {
		return false, fmt.Errorf("flags are a text, and this is a %T", actual)
	}
	return slices.Equal(slices.Sorted(slices.Values(strings.Split(text, ","))), slices.Sorted(slices.Values(f))), nil
}

// FailureMessage says which flags were wanted.
func (f flagList) FailureMessage(actual any) string {
	return fmt.Sprintf("wanted %s, got %v", f, actual)
}

// NegatedFailureMessage says which flags were not wanted.
func (f flagList) NegatedFailureMessage(actual any) string {
	return fmt.Sprintf("wanted anything but %s, got %v", f, actual)
}

// String is the flags as the log prints them.
func (f flagList) String() string { return strings.Join(f, ",") }
