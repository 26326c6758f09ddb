package tlsorigination

import (
	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

func subjectAltNames() Scenario {
	const cluster = "outbound|80||pretender.example"
	refused := notVerified("because the certificate is for another name", cluster, "pretender.example", "evil.example")
	return Scenario{
		ID:    "egress/tls-origination/subject-alt-names",
		Title: "The entry names whom the site's certificate may be for",
		Doc:   Doc{Reports: []string{"istio#40801", "istio#32539"}},
		Needs: needs(Site("evil.example")),
		Steps: []Step{
			{
				Says: "Originate TLS for a host whose site has a certificate for another name",
				Do:   Apply("verification/serviceentry-pretender.yaml", "verification/destinationrule-pretender.yaml"),
			},
			{Says: "Without names in the entry, the sidecar refuses the site", Do: Send(toPretender()), Want: refused},
			{Says: "Let the entry name the site", Do: Apply("verification/serviceentry-pretender-names.yaml")},
			{
				Says: "The sidecar takes the site's certificate",
				Do:   Send(toPretender()),
				Want: []Expectation{
					Derived("the site answers", HaveTitle("evil.example answers for everybody")),
					Derived("over TLS, under the name that was asked for", ArriveAt("evil.example:443", Arrival{SNI: "pretender.example", From: Curl, Requests: 1})),
				},
			},
			{Says: "Let the entry name somebody else", Do: Apply("verification/serviceentry-pretender-other-names.yaml")},
			{Says: "The sidecar refuses the site", Do: Send(toPretender()), Want: refused},
		},
	}
}
