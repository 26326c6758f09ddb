package probe

import (
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestSummary(t *testing.T) {
	moved := Response{Protocol: "HTTP/1.1", Code: 301, Header: http.Header{"Location": {"https://edition.cnn.com/politics"}}}
	curl := Peer{Namespace: "default", Workload: "curl", Container: SidecarContainer}
	for want, e := range map[string]Evidence{
		`exit 0   301 location="https://edition.cnn.com/politics"   200`: {Hops: []Response{moved, {Code: 200}}, Stdout: "<html>"},
		"exit 35   curl: (35) reset":                                     {Exit: 35, Stderr: "* Trying\ncurl: (35) reset\nmore\n"},
		"exit 28   200\ncurl: (28) Operation timed out":                  {Exit: 28, Hops: []Response{{Code: 200}}, Stderr: "curl: (28) Operation timed out\r\n"},
		"exit 0   504\nbody \"upstream request timeout\"":                {Hops: []Response{{Code: 504}}, Stdout: "upstream request timeout"},
		"exit 0   502": {Hops: []Response{{Code: 502}}},
		"exit 56   CONNECT 403\ncurl: (56) CONNECT tunnel failed": {
			Exit: 56, Tunnel: &Response{Code: 403}, Stderr: "curl: (56) CONNECT tunnel failed\n",
		},
		"exit 0   NAME=my-httpbin  TYPE=ExternalName": {Table: &Table{Columns: []string{"NAME", "TYPE"}, Rows: [][]string{{"my-httpbin", "ExternalName"}}}},
		"exit 0   NAME=a\nNAME=b\nand 2 more rows":    {Table: &Table{Columns: []string{"NAME"}, Rows: [][]string{{"a"}, {"b"}, {"c"}, {"d"}}}},
		"exit 0   No resources found in default namespace.": {
			Table: &Table{Columns: []string{"NAME"}}, Stderr: "No resources found in default namespace.\n",
		},
		`exit 1   Error from server (NotFound): services "my-httpbin" not found`: {
			Exit: 1, Stderr: `Error from server (NotFound): services "my-httpbin" not found`,
		},
		"read the configuration of istio-proxy of curl.default": {Proxies: map[Peer]any{curl: 1}},
		"exit 0": {},
		"exit 0   " + strings.Repeat("é", 80) + "…": {Stdout: strings.Repeat("é", 100)},
	} {
		NewWithT(t).Expect(e.Summary()).To(Equal(want))
	}
}
