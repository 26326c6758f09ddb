package match

import (
	"testing"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

func TestHaveExit(t *testing.T) {
	reset := failed(56, "curl: (56) Recv failure: Connection reset by peer")
	check(t, map[string]judged{
		"as wanted":  {promise: HaveExit(56), on: reset, holds: true, unlike: "wanted anything but exit 56 (could not receive), got exit 56 (could not receive): curl: (56) Recv failure: Connection reset by peer"},
		"one of two": {promise: HaveExit(55, 56), on: reset, holds: true},
		"another": {
			promise: HaveExit(35), on: reset,
			failure: "wanted exit 35 (TLS connect error), got exit 56 (could not receive): curl: (56) Recv failure: Connection reset by peer",
		},
		"none of two": {
			promise: HaveExit(6, 7), on: answer(200, ""),
			failure: "wanted exit 6 (could not resolve host) or exit 7 (could not connect), got exit 0 (success)",
		},
		"a code without a name": {promise: HaveExit(0), on: failed(120, ""), failure: "wanted exit 0 (success), got exit 120"},
		"not curl's": {
			promise: HaveExit(0), on: probe.Evidence{Exit: 1, Table: &probe.Table{}}, failure: "wanted exit 0, got exit 1",
		},
		"no code": {promise: HaveExit(), on: reset, misuse: "it needs at least one exit code, such as HaveExit(35)"},
	})
}
