package match

import (
	"testing"
	"time"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

func TestBeOlderThan(t *testing.T) {
	created := func(texts ...string) probe.Evidence {
		e := probe.Evidence{At: time.Date(2026, 11, 20, 12, 0, 2, 250_000_000, time.UTC)}
		for _, text := range texts {
			e.Objects = append(e.Objects, probe.Object{"metadata": map[string]any{"creationTimestamp": text}})
		}
		return e
	}
	check(t, map[string]judged{
		"all":       {promise: BeOlderThan(time.Second), on: created("2026-11-20T12:00:01Z", "2026-11-20T12:00:00Z"), holds: true, unlike: "wanted anything but objects older than 1s, got one of 2.25s"},
		"one isn't": {promise: BeOlderThan(time.Second), on: created("2026-11-20T12:00:00Z", "2026-11-20T12:00:02Z"), failure: "wanted objects older than 1s, got one of 250ms"},
		"no time":   {promise: BeOlderThan(time.Second), on: created(""), failure: "wanted objects older than 1s, got one without a time"},
		"no object": {promise: BeOlderThan(time.Second), on: created(), failure: "wanted objects older than 1s, got no object"},
	})
}
