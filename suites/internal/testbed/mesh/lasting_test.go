package mesh

import (
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
)

// Only where nothing is on its way, and nothing changes any more, is it the mesh's answer that a proxy does not act by what it has.
func TestLasting(t *testing.T) {
	pods := []*corev1.Pod{proxyPod("curl"), proxyPod("istio-egressgateway"), proxyPod("istio-ingressgateway")}
	looks := func(t *testing.T, missing ...[]string) error {
		t.Helper()
		var l lasting
		for _, texts := range missing[:len(missing)-1] {
			NewWithT(t).Expect(l.note(pods, texts)).To(Succeed())
			time.Sleep(warmsAtMost / 2) //nolint:forbidigo // the clock of synctest
		}
		time.Sleep(warmsAtMost / 2) //nolint:forbidigo // the clock of synctest
		return l.note(pods, missing[len(missing)-1])
	}
	warms := []string{"", stillWarming + "secret b", stillWarming + "secret b"}
	for name, c := range map[string]struct {
		looks [][]string
		want  string
	}{
		"what never comes": {[][]string{warms, warms}, "the configuration has arrived and is not in force: " +
			"istio-proxy of istio-egressgateway.istio-system, istio-proxy of istio-ingressgateway.istio-system: is still warming secret b"},
		"less and less":            {[][]string{warms, {"", "", stillWarming + "secret b"}}, ""},
		"beside a push on its way": {[][]string{warms, {"has not been sent Listener", warms[1], warms[2]}, warms}, ""},
		"nothing":                  {[][]string{warms, {"", "", ""}}, ""},
		"a refusal": {[][]string{{refuses + "an update: listener a"}, {refuses + "an update: listener a"}}, "the configuration has arrived and is not in force: " +
			"istio-proxy of curl.istio-system: refused an update: listener a"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := looks(t, c.looks...)
				if c.want == "" {
					NewWithT(t).Expect(err).NotTo(HaveOccurred())
				} else {
					NewWithT(t).Expect(err).To(MatchError(c.want))
				}
			})
		})
	}
}
