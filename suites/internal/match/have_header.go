package match

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HaveHeader promises a header of the last answer: it is there once, with the wanted value.
func HaveHeader(name string, value any) types.GomegaMatcher {
	return promise{
		name: named("HaveHeader", name, value), kind: aRequest,
		judge: func(e probe.Evidence) (finding, error) {
			last := e.Last()
			if last == nil {
				return finding{wanted: "header " + name, got: noAnswer(e)}, nil
			}
			return judgeHeader(e, name, value, last.Header)
		},
	}
}

// HaveNoHeader promises that the last answer lacks a header. A name that ends in * stands for all that begin so.
func HaveNoHeader(name string) types.GomegaMatcher {
	return promise{
		name: named("HaveNoHeader", name), kind: aRequest,
		judge: func(e probe.Evidence) (finding, error) {
			last := e.Last()
			if last == nil {
				return finding{wanted: "an answer without header " + name, got: noAnswer(e)}, nil
			}
			return judgeNoHeader(name, last.Header), nil
		},
	}
}

func judgeHeader(e probe.Evidence, name string, value any, header http.Header) (finding, error) {
	values := header.Values(name)
	_, says, err := compare(e, value, "")
	found := finding{wanted: fmt.Sprintf("header %s %s", name, says), got: fmt.Sprintf("%q", values)}
	if len(values) == 0 {
		found.got = "no such header, but " + nameList(header)
		return found, err
	}
	holds, _, err := compare(e, value, values[0])
	found.holds = holds && len(values) == 1
	return found, err
}

func judgeNoHeader(name string, header http.Header) finding {
	var there []string
	for _, got := range sortedKeys(header) {
		if matches(name, got) {
			there = append(there, fmt.Sprintf("%s %q", got, header[got]))
		}
	}
	found := finding{holds: len(there) == 0, wanted: "no header " + name, got: strings.Join(there, ", ")}
	if found.holds {
		found.got = nameList(header)
	}
	return found
}

func matches(name, got string) bool {
	if prefix, ok := strings.CutSuffix(name, "*"); ok {
		return len(got) >= len(prefix) && strings.EqualFold(got[:len(prefix)], prefix)
	}
	return strings.EqualFold(name, got)
}

func nameList(header http.Header) string {
	if len(header) == 0 {
		return "no headers at all"
	}
	return strings.Join(sortedKeys(header), ", ")
}
