package probe_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/matchers"
	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites"
	"github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
)

// recorded are the lines that pages promise of curl's transcript, each with a recorded request in whose transcript it stands and one in whose it does
// not, for every version of curl.
var recorded = map[string]struct{ in, notIn string }{
	"Connected to en.wikipedia.org (${CLUSTER_IP}) port 443": {"insecure", "refused"},
	"Hostname en.wikipedia.org was found in DNS cache":       {"headers", "tunnel"},
	"Hostname map.baidu.com was found in DNS cache":          {"headers", "tunnel"},
	"Trying 198.51.100.67:443":                               {"insecure", "headers"},
	"ALPN: offers h2,http/1.1":                               {"TLS hangs up", "headers"},
	"TLSv1.3 (OUT), TLS handshake, Client hello (1)":         {"TLS hangs up", "headers"},
	"TLSv1.3 (IN), TLS handshake, Server hello (2)":          {"insecure", "TLS hangs up"},
	"TLS alert, unrecognized name (624)":                     {"unrecognized name", "TLS hangs up"},
	"alert handshake failure":                                {"handshake failure", "unknown CA"},
	"alert certificate unknown":                              {"certificate unknown", "unknown CA"},
	"alert unknown ca":                                       {"unknown CA", "certificate unknown"},
	"unable to get local issuer certificate":                 {"another authority", "another name"},
	"wrong version number":                                   {"a greeting, not TLS", "TLS hangs up"},
}

// here turns what a page says of its sites into what the recorder's servers are.
var here = strings.NewReplacer("en.wikipedia.org", "example.com", "map.baidu.com", "example.com", "${CLUSTER_IP}", "127.0.0.1", "198.51.100.67:443", "127.0.0.1:18443", "port 443", "port 18443")

// A promise that fits the words of one version of curl alone is red where another one is installed.
func TestEveryLineThatAPagePromisesIsWhatEveryCurlSays(t *testing.T) {
	g := NewWithT(t)
	files, err := filepath.Glob("testdata/curl-*.json")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(files)).To(BeNumerically(">=", 3), "recordings of old and new curls")
	used := map[string]bool{}
	for _, line := range promisedLines(t) {
		used[line] = true
		where, known := recorded[line]
		g.Expect(known).To(BeTrue(), "no recording shows %q: record a request that brings it (record_test.go), and name it here", line)
		for _, file := range files {
			said := evidence(t, file)
			for name, holds := range map[string]bool{where.in: true, where.notIn: false} {
				e, there := said[name]
				g.Expect(there).To(BeTrue(), "%s lacks %q", file, name)
				g.Expect(match.HaveTranscript(here.Replace(line)).Match(e)).To(Equal(holds), "%q in %q of %s", line, name, file)
			}
		}
	}
	for line := range recorded {
		g.Expect(used).To(HaveKey(line), "no page promises it any more")
	}
}

// Why curl does not trust a server is not judged by its words for it: the certificate is there for a wrong name, whatever the version.
func TestEveryCurlShowsTheCertificateThatIsForAnotherName(t *testing.T) {
	files, err := filepath.Glob("testdata/curl-*.json")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, file := range files {
		e := evidence(t, file)["another name"]
		NewWithT(t).Expect(e).To(match.HaveExit(60), file)
		NewWithT(t).Expect(e).To(match.HaveCertificate(match.Leaf{DNSName: "example.org"}), file)
	}
}

// evidence is what each recorded request brought back, by its name.
func evidence(t *testing.T, file string) map[string]probe.Evidence {
	t.Helper()
	g := NewWithT(t)
	text, err := os.ReadFile(file)
	g.Expect(err).NotTo(HaveOccurred())
	var said map[string]struct {
		Exit           int
		Stdout, Stderr string
	}
	g.Expect(json.Unmarshal(text, &said)).To(Succeed())
	all := map[string]probe.Evidence{}
	for name, r := range said {
		all[name], err = probe.ParseCurl([]byte(r.Stdout), []byte(r.Stderr), r.Exit)
		g.Expect(err).NotTo(HaveOccurred(), name)
	}
	return all
}

var transcript = regexp.MustCompile(`^HaveTranscript\((".*")\)$`)

// promisedLines are the arguments of every HaveTranscript of every page.
func promisedLines(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, page := range suites.Pages() {
		for _, s := range page.Scenarios {
			for _, step := range s.Steps {
				for _, promise := range step.Want {
					all = append(all, linesOf(t, promise.Match)...)
				}
			}
		}
	}
	return all
}

func linesOf(t *testing.T, m types.GomegaMatcher) []string {
	t.Helper()
	var inside []types.GomegaMatcher
	switch m := m.(type) {
	case *matchers.NotMatcher:
		inside = []types.GomegaMatcher{m.Matcher}
	case *matchers.AndMatcher:
		inside = m.Matchers
	case *matchers.OrMatcher:
		inside = m.Matchers
	case fmt.Stringer:
		if found := transcript.FindStringSubmatch(m.String()); found != nil {
			line, err := strconv.Unquote(found[1])
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
			return []string{line}
		}
	}
	var all []string
	for _, matcher := range inside {
		all = append(all, linesOf(t, matcher)...)
	}
	return all
}
