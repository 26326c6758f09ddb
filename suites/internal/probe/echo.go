package probe

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// echoed is one echoed value: a string as httpbin.org answers, or a list of strings as go-httpbin does.
type echoed []string

// UnmarshalJSON reads either form.
func (v *echoed) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*v = echoed{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(v))
}

// Echoed is the header that the site received, as httpbin's /headers tells it: {"headers": {"Host": "httpbin.org"}}.
// The error says why the body is no such answer.
//
// Source: https://httpbin.org/#/Request_inspection/get_headers
func (e Evidence) Echoed() (http.Header, error) {
	var body struct {
		Headers map[string]echoed `json:"headers"`
	}
	if err := json.Unmarshal([]byte(e.Stdout), &body); err != nil {
		return nil, fmt.Errorf("the body is no echo of headers: %w", err)
	}
	if body.Headers == nil {
		return nil, fmt.Errorf(`the body is no echo of headers: it has no "headers"`)
	}
	header := make(http.Header, len(body.Headers))
	for name, values := range body.Headers {
		for _, value := range values {
			header.Add(name, value)
		}
	}
	return header, nil
}
