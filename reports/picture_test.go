package reports

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

var svg = regexp.MustCompile(`(?s)<svg class="path".*?</svg>`)

// A picture stays a picture, whatever clients and servers say: nothing that they send becomes an element or an attribute.
func TestPicturesAreWellFormed(t *testing.T) {
	g := NewWithT(t)
	const hostile = `</text></svg><script>alert("1")</script>&amp;'` + "\x00\x1b"
	hop := Hop{
		Role: RoleProxy, Name: hostile, Address: hostile, Line: hostile, Cluster: hostile, Note: hostile, State: HopUnexpected,
		Leg: &Leg{Protocol: hostile, TLS: hostile, SNI: hostile, ALPN: hostile, Client: hostile},
	}
	r := sample()
	r.Results[0].Steps[1].Path = &TrafficPath{Ways: []Way{{RequestID: hostile, Hops: []Hop{hop, hop}}}, Beside: []Hop{hop}}
	html, err := renderHTML(r)
	g.Expect(err).NotTo(HaveOccurred())
	pictures := svg.FindAllString(string(html), -1)
	g.Expect(pictures).To(HaveLen(3))
	for _, picture := range pictures {
		for reader := xml.NewDecoder(strings.NewReader(picture)); ; {
			token, err := reader.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			g.Expect(err).NotTo(HaveOccurred(), picture)
			if element, begins := token.(xml.StartElement); begins {
				g.Expect(element.Name.Local).To(BeElementOf("svg", "title", "desc", "path", "rect", "text"))
			}
		}
	}
}

// A long name keeps both its ends, and the whole of it is a tooltip.
func TestPicturesShortenNames(t *testing.T) {
	g := NewWithT(t)
	const cluster = "outbound|443|tls-origination|istio-egressgateway.istio-system.svc.cluster.local"
	drawn := draw(&TrafficPath{Ways: []Way{{Hops: []Hop{{Role: RoleSidecar, Name: "curl.default", Cluster: cluster}}}}})
	var label pictureLabel
	for _, each := range drawn.Labels {
		if each.Whole == cluster {
			label = each
		}
	}
	g.Expect(label.Text).To(And(HavePrefix("outbound|443|tls-"), ContainSubstring("…"), HaveSuffix(".cluster.local")))
	g.Expect(label.X + len([]rune(label.Text))*smallChar).To(BeNumerically("<=", drawn.Width))
	g.Expect(draw(nil)).To(BeNil())
	g.Expect(draw(&TrafficPath{})).To(BeNil())
}
