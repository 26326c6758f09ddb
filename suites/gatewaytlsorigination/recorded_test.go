package gatewaytlsorigination

import (
	"net/http"
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/match"
	"github.com/meshproof/meshproof/suites/internal/probe"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

// seen is evidence with log lines as Envoy 1.40 and nginx 1.22 wrote them for a request of the pages.
func seen(code int, body string, lines map[probe.Peer]string) probe.Evidence {
	e := probe.Evidence{
		Stdout: body, Hops: []probe.Response{{Protocol: "HTTP/1.1", Code: code, Reason: http.StatusText(code), Header: http.Header{
			"X-Server-Name": {nginxHost},
		}}},
		Vars:  map[string]string{"SOURCE_POD_IP": "10.244.0.45", "GATEWAY_IP": "10.244.0.46", "NGINX_IP": "10.244.0.48"},
		Doors: map[string]string{"edition.cnn.com:443": "cnn", "edition.cnn.com:80": "cnn"}, Sites: []probe.SiteConnection{},
		Logs: map[probe.Peer][]probe.LogLine{}, Fence: map[probe.Peer]bool{Curl.Proxy(): true, EgressGateway: true, nginx(): true},
	}
	for peer, line := range lines {
		e.Logs[peer] = []probe.LogLine{probe.Parse(line, "")}
	}
	return e
}

const (
	agent        = `"curl/7.88.1" "5a95b43b-b81c-467f-8dbe-8b450c150e0a" `
	atGateway    = `10.244.0.46:8443 10.244.0.45:52654 ` + nginxHost + ` -`
	forNginx     = `"` + nginxHost + `" "10.244.0.48:443" ` + toNginx + ` `
	welcomeTitle = "<title>Welcome to nginx!</title>"
)

func fromSidecar(code, size string) string {
	return `[2026-11-21T00:25:50.833Z] "GET / HTTP/1.1" ` + code + ` - via_upstream - "-" 0 ` + size + ` 18 17 "-" ` + agent +
		`"` + nginxHost + `" "10.244.0.46:8443" ` + toGateway + ` 10.244.0.45:52654 10.96.193.98:80 10.244.0.45:35962 - -`
}

func fromGateway(code, size string) string {
	return `[2026-11-21T00:25:50.835Z] "GET / HTTP/1.1" ` + code + ` - via_upstream - "-" 0 ` + size + ` 17 15 "10.244.0.45" ` + agent +
		forNginx + `10.244.0.46:39050 ` + atGateway
}

func fromNginx(code, size string) string {
	return `10.244.0.46 - - [21/Nov/2026:00:25:50 +0000]  ` + code + ` "GET / HTTP/1.1" ` + size + ` "-" "curl/7.88.1" "10.244.0.45"`
}

func refusedLine(failure string) string {
	return `[2026-11-21T00:26:33.728Z] "GET / HTTP/1.1" 503 URX,UF upstream_reset_before_response_started{remote_connection_failure|` + failure + `} - "` +
		failure + `" 0 121 26 - "10.244.0.45" ` + agent + forNginx + `- ` + atGateway
}

// What was seen on a mesh keeps every promise, and what was seen of another request does not.
func TestPromisesOnRecordedRequests(t *testing.T) {
	const tlsError = "TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:"
	welcomeSeen := seen(200, welcomeTitle, map[probe.Peer]string{
		Curl.Proxy(): fromSidecar("200", "615"), EgressGateway: fromGateway("200", "615"), nginx(): fromNginx("200", "615"),
	})
	badRequest := func(title string) probe.Evidence {
		return seen(400, "<html><head><title>"+title+"</title></head>", map[probe.Peer]string{
			Curl.Proxy(): fromSidecar("400", "237"), EgressGateway: fromGateway("400", "237"), nginx(): fromNginx("400", "237"),
		})
	}
	unavailable := func(failure string) probe.Evidence {
		return seen(503, "upstream connect error", map[probe.Peer]string{Curl.Proxy(): fromSidecar("503", "121"), EgressGateway: refusedLine(failure)})
	}
	noCertificate := badRequest("400 No required SSL certificate was sent")
	issuer := unavailable(tlsError + "_X509_verify_cert:_certificate_verification_error_at_depth_0:_unable_to_get_local_issuer_certificate:TLS_error_end")
	name := unavailable(tlsError + "_verify_SAN_list,_expected_SANs:_[" + nginxHost + "],_certificate_SANs:_[]:TLS_error_end")
	secret := unavailable("TLS_error:_Secret_is_not_supplied_by_SDS")
	for label, test := range map[string]struct {
		promises []Expectation
		on       probe.Evidence
		other    probe.Evidence // keeps not all of them
	}{
		"welcomed":         {welcomed(), welcomeSeen, noCertificate},
		"no certificate":   {refusedByNginx("400 No required SSL certificate was sent"), noCertificate, welcomeSeen},
		"foreign client":   {refusedByNginx("400 The SSL certificate error"), badRequest("400 The SSL certificate error"), noCertificate},
		"foreign issuer":   {refusedByGateway(unknownIssuer), issuer, name},
		"no name":          {refusedByGateway(otherName), name, issuer},
		"no secret":        {refusedByGateway("Secret_is_not_supplied_by_SDS"), secret, name},
		"by whom":          {refusedByGateway("Secret_is_not_supplied_by_SDS"), secret, noCertificate},
		"TLS originated":   {originated("edition.cnn.com"), politicsSeen("edition.cnn.com"), politicsSeen("-")},
		"without mutual":   {originated(match.Dash), politicsSeen("-"), politicsSeen("edition.cnn.com")},
		"redirect is gone": {originated("edition.cnn.com"), politicsSeen("edition.cnn.com"), welcomeSeen},
	} {
		t.Run(label, func(t *testing.T) {
			g := NewWithT(t)
			kept := true
			for _, promise := range test.promises {
				g.Expect(test.on).To(promise.Match, promise.Says)
				ok, err := promise.Match.Match(test.other)
				kept = kept && ok && err == nil
			}
			g.Expect(kept).To(BeFalse(), "another request keeps every promise as well")
		})
	}
}

// politicsSeen is the request for edition.cnn.com by way of the gateway.
func politicsSeen(sni string) probe.Evidence {
	e := seen(200, "<title>CNN Politics</title>", map[probe.Peer]string{
		Curl.Proxy(): `[2026-11-21T00:59:58.926Z] "GET /politics HTTP/1.1" 200 - via_upstream - "-" 0 307243 277 273 "-" ` + agent +
			`"edition.cnn.com" "10.244.0.46:8080" outbound|80|cnn|istio-egressgateway.istio-system.svc.cluster.local 10.244.0.45:40490 203.0.113.67:80 10.244.0.45:39778 - -`,
		EgressGateway: `[2026-11-21T00:59:58.930Z] "GET /politics HTTP/2" 200 - via_upstream - "-" 0 307243 269 268 "10.244.0.45" ` + agent +
			`"edition.cnn.com" "198.51.100.67:443" outbound|443||edition.cnn.com 10.244.0.46:41480 10.244.0.46:8080 10.244.0.45:40490 ` + sni + ` -`,
	})
	e.Sites = []probe.SiteConnection{{
		Site: "cnn", Local: netip.MustParseAddrPort("198.51.100.67:443"), From: EgressGateway,
		Hello: &probe.ClientHello{SNI: "edition.cnn.com", ALPN: []string{"http/1.1"}}, TLS: &probe.SiteTLS{Version: "TLS 1.3", ALPN: "http/1.1"},
		Requests: []probe.SiteRequest{{Method: "GET", Host: "edition.cnn.com", Path: "/politics", Status: 200}},
	}}
	return e
}
