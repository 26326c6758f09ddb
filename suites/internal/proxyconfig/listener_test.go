package proxyconfig_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

func TestCatchAll(t *testing.T) {
	g := NewWithT(t)
	blackhole := &proxyconfig.FilterChain{Name: "virtualOutbound-blackhole", Match: proxyconfig.Match{DestinationPort: 15001}}
	open := &proxyconfig.FilterChain{Name: "virtualOutbound-catchall-tcp"}
	byDefault := &proxyconfig.FilterChain{Name: "default"}
	g.Expect((&proxyconfig.Listener{FilterChains: []*proxyconfig.FilterChain{blackhole, open}}).CatchAll()).To(BeIdenticalTo(open), "as Istio writes it")
	g.Expect((&proxyconfig.Listener{FilterChains: []*proxyconfig.FilterChain{blackhole}, Default: byDefault}).CatchAll()).To(BeIdenticalTo(byDefault))
	g.Expect((&proxyconfig.Listener{FilterChains: []*proxyconfig.FilterChain{blackhole}}).CatchAll()).To(BeNil())
}
