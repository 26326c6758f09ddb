package egressgateway

import (
	. "github.com/onsi/gomega"

	. "github.com/meshproof/meshproof/suites/internal/match"
	. "github.com/meshproof/meshproof/suites/internal/scenario"
)

func analyze() Scenario {
	sound := []Expectation{
		Derived("it says that nothing is wrong", HavePrinted(ContainSubstring("No validation issues found"))),
		Derived("and exits with 0", HaveExit(0)),
	}
	return Scenario{
		ID:    "egress/egress-gateway/analyze",
		Title: "istioctl analyze finds nothing wrong with the page's own resources",
		Doc:   Doc{Reports: []string{"istio#58559", "istio#42005"}},
		Needs: needs(),
		Steps: []Step{
			{Says: "Lead HTTP through the gateway, as the page does", Do: httpGateway()},
			{Says: "Analyze the namespace", Do: Istioctl("analyze", "-n", "default"), Want: sound},
			{Says: "Take that away", Do: Delete("http/serviceentry.yaml", "http/gateway.yaml", "http/destinationrule.yaml", "http/virtualservice.yaml")},
			{Says: "Lead TLS through the gateway, as the page does", Do: httpsGateway()},
			{Says: "Analyze the namespace", Do: Istioctl("analyze", "-n", "default"), Want: sound},
		},
	}
}
