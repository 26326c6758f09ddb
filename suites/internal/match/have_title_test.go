package match

import "testing"

func TestHaveTitle(t *testing.T) {
	check(t, map[string]judged{
		"plain":             {promise: HaveTitle("Wikipedia, the free encyclopedia"), on: answer(200, "<html><head><title>Wikipedia, the free encyclopedia</title>"), holds: true},
		"entities, a dash":  {promise: HaveTitle("Wikipedia – Die freie Enzyklopädie"), on: answer(200, "<TITLE\nlang=de>Wikipedia &ndash;\n Die freie Enzyklop&auml;die </TITLE >"), holds: true},
		"Chinese":           {promise: HaveTitle("百度地图"), on: answer(200, "<title>百度地图</title>"), holds: true},
		"the first of more": {promise: HaveTitle("a"), on: answer(200, "<title>a</title><svg><title>b</title></svg>"), holds: true},
		"another":           {promise: HaveTitle("a"), on: answer(200, "<title>b</title>"), failure: `wanted the title "a", got "b"`},
		"none":              {promise: HaveTitle("a"), on: answer(503, "no healthy upstream"), failure: `wanted the title "a", got 503 Service Unavailable with a body without a title: "no healthy upstream"`},
		"no answer":         {promise: HaveTitle("a"), on: failed(35, "curl: (35) reset"), failure: `wanted the title "a", got no answer: curl: (35) reset`},
	})
}
