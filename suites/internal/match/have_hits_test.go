package match

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestHaveHits(t *testing.T) {
	e := answer(200, "")
	e.Hits = map[string]int{"httpbin.org:80": 1, "edition.cnn.com:80": 0}
	check(t, map[string]judged{
		"as many":        {promise: HaveHits("httpbin.org:80", 1), on: e, holds: true},
		"by a matcher":   {promise: HaveHits("httpbin.org:80", BeNumerically(">", 0)), on: e, holds: true},
		"none":           {promise: HaveNoHits("edition.cnn.com:80"), on: e, holds: true},
		"another number": {promise: HaveHits("httpbin.org:80", BeNumerically(">=", 2)), on: e, failure: "wanted >= 2 requests at httpbin.org:80, got 1"},
		"some":           {promise: HaveNoHits("httpbin.org:80"), on: e, failure: "wanted 0 requests at httpbin.org:80, got 1"},
		"nobody counted": {
			promise: HaveNoHits("evil.example:80"), on: e,
			failure: `wanted 0 requests at evil.example:80, got no count of that site; counted were ["edition.cnn.com:80" "httpbin.org:80"]`,
		},
	})
}
