// Package suites holds every documented page. The e2e build tag adds the one Ginkgo suite that replays them on a real mesh.
package suites

import (
	"github.com/meshproof/meshproof/suites/egresscontrol"
	"github.com/meshproof/meshproof/suites/egressgateway"
	"github.com/meshproof/meshproof/suites/gatewaytlsorigination"
	"github.com/meshproof/meshproof/suites/httpproxy"
	"github.com/meshproof/meshproof/suites/ingressenvoy"
	"github.com/meshproof/meshproof/suites/ingressgateway"
	"github.com/meshproof/meshproof/suites/internal/scenario"
	"github.com/meshproof/meshproof/suites/kubernetesservices"
	"github.com/meshproof/meshproof/suites/tlsorigination"
	"github.com/meshproof/meshproof/suites/wildcard"
)

// Pages lists the pages in the order of the catalogue.
func Pages() []scenario.Page {
	return []scenario.Page{
		egresscontrol.New(),
		tlsorigination.New(),
		egressgateway.New(),
		gatewaytlsorigination.New(),
		gatewaytlsorigination.NewSDS(),
		wildcard.New(),
		kubernetesservices.New(),
		httpproxy.New(),
		ingressgateway.New(),
		ingressenvoy.New(),
	}
}
