package match

import (
	"testing"
	"time"
)

func TestTakeAboutAndTakeBetween(t *testing.T) {
	e := answer(504, "")
	e.Timing.Total = 3010 * time.Millisecond
	check(t, map[string]judged{
		"about":     {promise: TakeAbout(3*time.Second, 50*time.Millisecond), on: e, holds: true},
		"between":   {promise: TakeBetween(3*time.Second, 4*time.Second), on: e, holds: true},
		"too early": {promise: TakeBetween(5*time.Second, 6500*time.Millisecond), on: e, failure: "wanted an answer after 5s to 6.5s, got 504 Gateway Timeout after 3.01s"},
		"too late":  {promise: TakeAbout(time.Second, time.Second), on: e, failure: "wanted an answer after 0s to 2s, got 504 Gateway Timeout after 3.01s"},
		"never":     {promise: TakeBetween(2, 1), on: e, misuse: "between 2ns and 1ns there is nothing"},
	})
}
