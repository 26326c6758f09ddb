package match

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// gatewayConfig is what an ingress gateway holds for two hosts over TLS, one of whose secrets is missing, and a TCP port.
func gatewayConfig() *proxyconfig.Config {
	name := func(name string, state proxyconfig.State) proxyconfig.Resource {
		return proxyconfig.Resource{Name: name, State: state}
	}
	at := func(port uint32) []proxyconfig.Address { return []proxyconfig.Address{{Host: "0.0.0.0", Port: port}} }
	secret := func(name string) []proxyconfig.SecretRef {
		return []proxyconfig.SecretRef{{Name: name, Source: "ads"}}
	}
	toStdout := []proxyconfig.AccessLog{{Path: "/dev/stdout"}}
	both := []string{"h2", "http/1.1"}
	secure := &proxyconfig.Listener{
		Resource: name("0.0.0.0_8443", proxyconfig.Active), Addresses: at(8443),
		ListenerFilters: []proxyconfig.Filter{{Name: "envoy.filters.listener.tls_inspector"}},
		AccessLogs:      []proxyconfig.AccessLog{{Path: "/dev/stdout", Conditional: true, Flags: []string{"NR"}}},
		FilterChains: []*proxyconfig.FilterChain{
			{
				Match: proxyconfig.Match{ServerNames: []string{"webapp.istioinaction.io"}},
				HTTP:  &proxyconfig.HTTP{RouteName: "https.443.https-webapp", AccessLogs: toStdout},
				TLS:   &proxyconfig.TLS{Certificates: secret("kubernetes://webapp-credential"), ALPN: both},
			},
			{
				Match: proxyconfig.Match{ServerNames: []string{"mutual.istioinaction.io"}},
				HTTP:  &proxyconfig.HTTP{RouteName: "https.443.https-mutual", AccessLogs: toStdout},
				TLS: &proxyconfig.TLS{
					Certificates: secret("kubernetes://mutual"), RequireClientCertificate: true, ALPN: both,
					Validation:      proxyconfig.SecretRef{Name: "kubernetes://mutual-cacert", Source: "ads"},
					SubjectAltNames: []proxyconfig.StringMatch{{How: "exact", Value: "is5.istio.client"}, {How: "prefix", Value: "spiffe://"}},
				},
			},
		},
	}
	tcp := &proxyconfig.Listener{
		Resource: name("0.0.0.0_31400", proxyconfig.Active), Addresses: at(31400),
		Default: &proxyconfig.FilterChain{TCP: &proxyconfig.TCP{
			Clusters: []proxyconfig.WeightedCluster{{Name: "outbound|2701||tcp-echo-service"}}, AccessLogs: slices.Clone(toStdout),
		}},
	}
	own := &proxyconfig.Listener{Resource: name("0.0.0.0_15021", proxyconfig.Active), Addresses: at(15021)}
	own.Static = true
	return &proxyconfig.Config{
		Listeners: []*proxyconfig.Listener{
			secure, tcp, own,
			{Resource: name("0.0.0.0_8080", proxyconfig.Draining), Addresses: at(8080)},
			{Resource: name("virtualOutbound", proxyconfig.Active), Addresses: at(15001), Virtual: true},
		},
		Secrets: []*proxyconfig.Secret{
			{Resource: name("kubernetes://webapp-credential", proxyconfig.Active)},
			{Resource: name("kubernetes://mutual", proxyconfig.Warming)},
		},
	}
}

func TestHaveFilterChains(t *testing.T) {
	webapp := Chain{SNI: []string{"webapp.istioinaction.io"}, Route: "https.443.https-webapp"}
	mutual := Chain{SNI: []string{"mutual.istioinaction.io"}, Route: "https.443.https-mutual"}
	narrow := gatewayConfig()
	narrow.Listeners[1].Default.Match = proxyconfig.Match{
		TransportProtocol: "tls", ApplicationProtocols: []string{"istio"}, DestinationPort: 15443, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	}
	const got = "SNI: mutual.istioinaction.io Route: https.443.https-mutual; SNI: webapp.istioinaction.io Route: https.443.https-webapp"
	check(t, map[string]judged{
		"in any order":  {promise: HaveFilterChains(8443, webapp, mutual), on: holding(gatewayConfig()), holds: true, unlike: "wanted anything but at 0.0.0.0:8443 the filter chains " + got + ", got " + from + got},
		"for TCP":       {promise: HaveFilterChains(31400, Chain{Cluster: "outbound|2701||tcp-echo-service"}), on: holding(gatewayConfig()), holds: true},
		"one too few":   {promise: HaveFilterChains(8443, webapp), on: holding(gatewayConfig()), failure: "wanted at 0.0.0.0:8443 the filter chains SNI: webapp.istioinaction.io Route: https.443.https-webapp, got " + from + got},
		"another match": {promise: HaveFilterChains(31400, Chain{SNI: []string{"b", "a"}}), on: holding(gatewayConfig()), failure: "wanted at 0.0.0.0:31400 the filter chains SNI: a,b, got " + from + "ALL Cluster: outbound|2701||tcp-echo-service"},
		"none wanted":   {promise: HaveFilterChains(31400), on: holding(gatewayConfig()), failure: "wanted at 0.0.0.0:31400 the filter chains (none), got " + from + "ALL Cluster: outbound|2701||tcp-echo-service"},
		"of some only":  {promise: HaveFilterChains(31400, Chain{Cluster: "outbound|2701||tcp-echo-service"}), on: holding(narrow), failure: "wanted at 0.0.0.0:31400 the filter chains ALL Cluster: outbound|2701||tcp-echo-service, got " + from + "Trans: tls App: istio Addr: 10.0.0.0/8 Port: 15443 ALL Cluster: outbound|2701||tcp-echo-service"},
		"draining":      {promise: HaveFilterChains(8080, Chain{}), on: holding(gatewayConfig()), failure: "wanted at 0.0.0.0:8080 the filter chains ALL, got " + from + "the listeners 0.0.0.0_8443, 0.0.0.0_31400, 0.0.0.0_15021, virtualOutbound"},
	})
}

func TestHaveTransportSocket(t *testing.T) {
	webapp := TLSContext{Certificate: "kubernetes://webapp-credential"}
	mutual := TLSContext{
		Certificate: "kubernetes://mutual", ClientCertificate: true, Authority: "kubernetes://mutual-cacert",
		SubjectAltNames: []string{"is5.istio.client", "prefix:spiffe://"},
	}
	const (
		offered  = ", ALPN h2,http/1.1"
		simple   = "the certificate kubernetes://webapp-credential, no client certificate required"
		required = "the certificate kubernetes://mutual, a client certificate required, signed by kubernetes://mutual-cacert, " +
			"with the name is5.istio.client or prefix:spiffe://"
	)
	http1, old, recent, narrow := gatewayConfig(), gatewayConfig(), gatewayConfig(), gatewayConfig()
	recent.Listeners[0].FilterChains[0].TLS.MinVersion = "TLSv1_3"
	later := TLSContext{Certificate: "kubernetes://webapp-credential", Versions: "TLSv1_3 and later"}
	http1.Listeners[0].FilterChains[0].TLS.ALPN = []string{"http/1.1"}
	versions := old.Listeners[0].FilterChains[0].TLS
	versions.MinVersion, versions.MaxVersion, versions.CipherSuites = "TLSv1_0", "TLSv1_2", []string{"RC4"}
	narrow.Listeners[0].FilterChains[0].Match.ApplicationProtocols = []string{"istio"}
	withALPN := webapp
	withALPN.ALPN = []string{"h2", "http/1.1"}
	check(t, map[string]judged{
		"simple":               {promise: HaveTransportSocket(8443, "webapp.istioinaction.io", webapp), on: holding(gatewayConfig()), holds: true, unlike: "wanted anything but at 0.0.0.0:8443 for webapp.istioinaction.io a transport socket with " + simple + offered + ", got " + from + simple + offered},
		"with ALPN":            {promise: HaveTransportSocket(8443, "webapp.istioinaction.io", withALPN), on: holding(gatewayConfig()), holds: true},
		"without h2":           {promise: HaveTransportSocket(8443, "webapp.istioinaction.io", webapp), on: holding(http1), failure: "wanted at 0.0.0.0:8443 for webapp.istioinaction.io a transport socket with " + simple + offered + ", got " + from + simple + ", ALPN http/1.1"},
		"of TLS 1.0":           {promise: HaveTransportSocket(8443, "webapp.istioinaction.io", webapp), on: holding(old), failure: "wanted at 0.0.0.0:8443 for webapp.istioinaction.io a transport socket with " + simple + offered + ", got " + from + simple + offered + ", TLSv1_0 to TLSv1_2, ciphers RC4"},
		"of TLS 1.3":           {promise: HaveTransportSocket(8443, "webapp.istioinaction.io", later), on: holding(recent), holds: true},
		"of any TLS":           {promise: HaveTransportSocket(8443, "webapp.istioinaction.io", later), on: holding(gatewayConfig()), failure: "wanted at 0.0.0.0:8443 for webapp.istioinaction.io a transport socket with " + simple + offered + ", TLSv1_3 and later, got " + from + simple + offered},
		"of other connections": {promise: HaveTransportSocket(8443, "webapp.istioinaction.io", webapp), on: holding(narrow), failure: "wanted at 0.0.0.0:8443 for webapp.istioinaction.io a transport socket with " + simple + offered + ", got " + from + "one that takes it only where App: istio"},
		"mutual":               {promise: HaveTransportSocket(8443, "mutual.istioinaction.io", mutual), on: holding(gatewayConfig()), holds: true},
		"one for all":          {promise: HaveTransportSocket(8443, "mutual.istioinaction.io", webapp), on: holding(gatewayConfig()), failure: "wanted at 0.0.0.0:8443 for mutual.istioinaction.io a transport socket with " + simple + offered + ", got " + from + required + offered},
		"without":              {promise: HaveTransportSocket(31400, "b", TLSContext{}), on: holding(gatewayConfig()), failure: "wanted at 0.0.0.0:31400 for b a transport socket with the certificate (none), no client certificate required" + offered + ", got " + from + "no transport socket"},
		"unknown name":         {promise: HaveTransportSocket(8443, "b", webapp), on: holding(gatewayConfig()), failure: "wanted at 0.0.0.0:8443 for b a transport socket with " + simple + offered + ", got " + from + "no filter chain for it, but SNI: mutual.istioinaction.io Route: https.443.https-mutual; SNI: webapp.istioinaction.io Route: https.443.https-webapp"},
		"none":                 {promise: HaveNoTransportSocket(31400, "a"), on: holding(gatewayConfig()), holds: true},
		"one, though":          {promise: HaveNoTransportSocket(8443, "webapp.istioinaction.io"), on: holding(gatewayConfig()), failure: "wanted at 0.0.0.0:8443 for webapp.istioinaction.io a filter chain without a transport socket, got " + from + "one with " + simple + offered},
		"no listener":          {promise: HaveNoTransportSocket(443, "b"), on: holding(&proxyconfig.Config{}), failure: "wanted at 0.0.0.0:443 for b a filter chain without a transport socket, got " + from + "no listeners"},
	})
}

func TestHaveListenerFilter(t *testing.T) {
	const inspector = "envoy.filters.listener.tls_inspector"
	check(t, map[string]judged{
		"there":       {promise: HaveListenerFilter(8443, inspector), on: holding(gatewayConfig()), holds: true},
		"not there":   {promise: HaveListenerFilter(31400, inspector), on: holding(gatewayConfig()), failure: "wanted at 0.0.0.0:31400 the listener filter " + inspector + ", got " + from + "none"},
		"without":     {promise: HaveNoListenerFilter(31400, inspector), on: holding(gatewayConfig()), holds: true},
		"with":        {promise: HaveNoListenerFilter(8443, inspector), on: holding(gatewayConfig()), failure: "wanted at 0.0.0.0:8443 no listener filter " + inspector + ", got " + from + inspector},
		"no listener": {promise: HaveNoListenerFilter(80, inspector), on: holding(&proxyconfig.Config{}), failure: "wanted at 0.0.0.0:80 no listener filter " + inspector + ", got " + from + "no listeners"},
	})
}

func TestListenOn(t *testing.T) {
	const all = "0.0.0.0:15021, 0.0.0.0:31400, 0.0.0.0:8443"
	const wanted = "wanted a listener at each of "
	twice, loopback := gatewayConfig(), gatewayConfig()
	twice.Listeners = append(twice.Listeners, twice.Listeners[1])
	loopback.Listeners[1].Addresses[0].Host = "127.0.0.1"
	these := ListenOn("0.0.0.0:31400", "0.0.0.0:8443", "0.0.0.0:15021")
	check(t, map[string]judged{
		"these":              {promise: these, on: holding(gatewayConfig()), holds: true, unlike: "wanted anything but a listener at each of " + all + ", got " + from + all},
		"one more":           {promise: ListenOn("0.0.0.0:15021"), on: holding(gatewayConfig()), failure: wanted + "0.0.0.0:15021, got " + from + all},
		"two at one":         {promise: these, on: holding(twice), failure: wanted + all + ", got " + from + "0.0.0.0:15021, 0.0.0.0:31400, 0.0.0.0:31400, 0.0.0.0:8443"},
		"at another address": {promise: these, on: holding(loopback), failure: wanted + all + ", got " + from + "0.0.0.0:15021, 0.0.0.0:8443, 127.0.0.1:31400"},
		"none":               {promise: ListenOn("0.0.0.0:15021"), on: holding(&proxyconfig.Config{}), failure: wanted + "0.0.0.0:15021, got " + from + "no address"},
	})
}

func TestAwaitSecret(t *testing.T) {
	warming := gatewayConfig()
	warming.Listeners[0].State = proxyconfig.Warming
	const asks = "one that asks for kubernetes://webapp-credential (arrived), kubernetes://mutual (missing), kubernetes://mutual-cacert (missing)"
	check(t, map[string]judged{
		"in force without it": {promise: AwaitSecret(8443, "kubernetes://mutual"), on: holding(gatewayConfig()), holds: true},
		"warming":             {promise: AwaitSecret(8443, "kubernetes://mutual"), on: holding(warming), holds: true},
		"it has arrived":      {promise: AwaitSecret(8443, "kubernetes://webapp-credential"), on: holding(gatewayConfig()), failure: "wanted a listener at 0.0.0.0:8443 that waits for the secret kubernetes://webapp-credential, got " + from + asks},
		"nobody asks for it":  {promise: AwaitSecret(8443, "kubernetes://other"), on: holding(gatewayConfig()), failure: "wanted a listener at 0.0.0.0:8443 that waits for the secret kubernetes://other, got " + from + asks},
		"nobody listens":      {promise: AwaitSecret(8080, "a"), on: holding(gatewayConfig()), failure: "wanted a listener at 0.0.0.0:8080 that waits for the secret a, got " + from + "no listener there that asks for any; the listeners 0.0.0.0_8443, 0.0.0.0_31400, 0.0.0.0_15021, virtualOutbound"},
	})
}

func TestHaveAccessLog(t *testing.T) {
	silent := gatewayConfig()
	for _, listener := range silent.Listeners {
		listener.AccessLogs, listener.Default = nil, nil
		for _, chain := range listener.FilterChains {
			chain.HTTP.AccessLogs = nil
		}
	}
	without, filtered, doubled, nowhere := gatewayConfig(), gatewayConfig(), gatewayConfig(), gatewayConfig()
	without.Listeners[1].Default.TCP.AccessLogs = nil
	filtered.Listeners[1].Default.TCP.AccessLogs[0].Conditional = true
	doubled.Listeners[1].Default.TCP.AccessLogs = append(doubled.Listeners[1].Default.TCP.AccessLogs, proxyconfig.AccessLog{Path: "/dev/stdout"})
	hole := &proxyconfig.TCP{Clusters: []proxyconfig.WeightedCluster{{Name: "BlackHoleCluster"}}}
	nowhere.Listeners[1].Default = &proxyconfig.FilterChain{TCP: hole, Match: proxyconfig.Match{DestinationPort: 15006}}
	const wanted = "wanted one access log for each filter chain, to /dev/stdout, got " + from
	elsewhere := gatewayConfig()
	elsewhere.Listeners[0].FilterChains[0].HTTP.AccessLogs = []proxyconfig.AccessLog{{Path: "/tmp/log"}}
	check(t, map[string]judged{
		"to standard output": {promise: HaveAccessLog("/dev/stdout"), on: holding(gatewayConfig()), holds: true, unlike: "wanted anything but one access log for each filter chain, to /dev/stdout, got " + from + "3 access logs to /dev/stdout"},
		"one to a file":      {promise: HaveAccessLog("/dev/stdout"), on: holding(elsewhere), failure: "wanted one access log for each filter chain, to /dev/stdout, got " + from + "2 access logs to /dev/stdout, 1 access log to /tmp/log"},
		"nothing":            {promise: HaveAccessLog("/dev/stdout"), on: holding(silent), failure: wanted + "no access log, 2 chains without one"},
		"one without":        {promise: HaveAccessLog("/dev/stdout"), on: holding(without), failure: wanted + "2 access logs to /dev/stdout, 1 chain without one"},
		"some requests":      {promise: HaveAccessLog("/dev/stdout"), on: holding(filtered), failure: wanted + "3 access logs to /dev/stdout, 1 chain whose log leaves something out"},
		"every line twice":   {promise: HaveAccessLog("/dev/stdout"), on: holding(doubled), failure: wanted + "4 access logs to /dev/stdout, 1 chain with several"},
		"a black hole":       {promise: HaveAccessLog("/dev/stdout"), on: holding(nowhere), holds: true},
		"silent":             {promise: HaveNoAccessLog(), on: holding(silent), holds: true},
		"not silent":         {promise: HaveNoAccessLog(), on: holding(gatewayConfig()), failure: "wanted no access log, got " + from + "4 access logs to /dev/stdout"},
		"nobody asked":       {promise: HaveNoAccessLog(), on: holding(&proxyconfig.Config{}), failure: "wanted no access log, got " + from + "no listener that takes traffic, which proves nothing"},
		"of the listener":    {promise: HaveListenerAccessLog(8443, "NR"), on: holding(gatewayConfig()), holds: true},
		"of other flags":     {promise: HaveListenerAccessLog(8443, "NR", "UF"), on: holding(gatewayConfig()), failure: "wanted at 0.0.0.0:8443 a listener's access log of NR, UF, got " + from + "one of NR"},
		"not there":          {promise: HaveListenerAccessLog(31400, "NR"), on: holding(gatewayConfig()), failure: "wanted at 0.0.0.0:31400 a listener's access log of NR, got " + from + "one of (none)"},
		"no listener":        {promise: HaveListenerAccessLog(80, "NR"), on: holding(&proxyconfig.Config{}), failure: "wanted at 0.0.0.0:80 a listener's access log of NR, got " + from + "no listeners"},
	})
}
