package proxyconfig

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	internalupstreamv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/internal_upstream/v3"
	proxyprotocolv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/proxy_protocol/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// TLS is what one side of a TLS connection was told: a listener's filter chain
// (the proxy is the server) or a cluster (the proxy is the client).
type TLS struct {
	// RequireClientCertificate is said by servers only.
	RequireClientCertificate bool
	// SNI and AutoSNI (take the request's host) are said by clients only; likewise
	// AutoValidateSNI, which checks the server's certificate against the SNI sent.
	SNI             string
	AutoSNI         bool
	AutoValidateSNI bool

	// Certificates and Validation name the SDS secrets of the proxy's own
	// certificate and of the authority that vouches for the other side.
	Certificates []SecretRef
	Validation   SecretRef
	// CertificateFiles and AuthorityFile are paths Envoy reads itself, without SDS.
	CertificateFiles []string
	AuthorityFile    string
	// SubjectAltNames lists the accepted names of the other side; empty accepts any.
	SubjectAltNames []StringMatch

	ALPN []string
	// MinVersion and MaxVersion are "TLSv1_2" and the like; empty leaves Envoy's default.
	MinVersion, MaxVersion string
	CipherSuites           []string
}

// SecretRef is a secret asked for by SDS.
type SecretRef struct {
	Name string
	// Source is who delivers it: "ads" for istiod, the name of a cluster
	// ("sds-grpc" is the agent beside the proxy), or the path of a file.
	Source string
}

// SecretNames lists every secret the context asks for, its own certificates first.
func (t *TLS) SecretNames() []string {
	var names []string
	for _, ref := range append(append([]SecretRef{}, t.Certificates...), t.Validation) {
		if ref.Name != "" {
			names = append(names, ref.Name)
		}
	}
	return names
}

// VerifiesPeer tells whether the other side's certificate is checked against an authority.
func (t *TLS) VerifiesPeer() bool { return t.Validation.Name != "" || t.AuthorityFile != "" }

// StringMatch is one rule of envoy.type.matcher.v3.StringMatcher.
type StringMatch struct {
	// How is exact, prefix, suffix, contains or regex.
	How, Value string
}

// String is "exact:value".
func (m StringMatch) String() string { return m.How + ":" + m.Value }

func newStringMatch(m *matcherv3.StringMatcher) StringMatch {
	switch p := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
		return StringMatch{"exact", p.Exact}
	case *matcherv3.StringMatcher_Prefix:
		return StringMatch{"prefix", p.Prefix}
	case *matcherv3.StringMatcher_Suffix:
		return StringMatch{"suffix", p.Suffix}
	case *matcherv3.StringMatcher_Contains:
		return StringMatch{"contains", p.Contains}
	case *matcherv3.StringMatcher_SafeRegex:
		return StringMatch{"regex", p.SafeRegex.GetRegex()}
	default:
		return StringMatch{}
	}
}

func downstreamTLS(socket *corev3.TransportSocket) *TLS {
	var context tlsv3.DownstreamTlsContext
	if !unpack(socket.GetTypedConfig(), &context) {
		return nil
	}
	view := commonTLS(context.GetCommonTlsContext())
	view.RequireClientCertificate = context.GetRequireClientCertificate().GetValue()
	return view
}

// upstreamTLS looks through the sockets Istio wraps around TLS (internal tunnels and the PROXY protocol).
func upstreamTLS(socket *corev3.TransportSocket) *TLS {
	var tunnel internalupstreamv3.InternalUpstreamTransport
	var proxied proxyprotocolv3.ProxyProtocolUpstreamTransport
	var context tlsv3.UpstreamTlsContext
	switch config := socket.GetTypedConfig(); {
	case unpack(config, &tunnel):
		return upstreamTLS(tunnel.GetTransportSocket())
	case unpack(config, &proxied):
		return upstreamTLS(proxied.GetTransportSocket())
	case !unpack(config, &context):
		return nil
	}
	view := commonTLS(context.GetCommonTlsContext())
	view.SNI = context.GetSni()
	view.AutoSNI = context.GetAutoHostSni()
	view.AutoValidateSNI = context.GetAutoSniSanValidation()
	return view
}

func commonTLS(common *tlsv3.CommonTlsContext) *TLS {
	view := &TLS{ALPN: common.GetAlpnProtocols(), CipherSuites: common.GetTlsParams().GetCipherSuites()}
	view.MinVersion = tlsVersion(common.GetTlsParams().GetTlsMinimumProtocolVersion())
	view.MaxVersion = tlsVersion(common.GetTlsParams().GetTlsMaximumProtocolVersion())
	for _, c := range common.GetTlsCertificateSdsSecretConfigs() {
		view.Certificates = append(view.Certificates, newSecretRef(c))
	}
	for _, c := range common.GetTlsCertificates() {
		view.CertificateFiles = append(view.CertificateFiles, c.GetCertificateChain().GetFilename())
	}
	rules := common.GetValidationContext()
	sds := common.GetValidationContextSdsSecretConfig()
	if combined := common.GetCombinedValidationContext(); combined != nil {
		rules, sds = combined.GetDefaultValidationContext(), combined.GetValidationContextSdsSecretConfig()
	}
	view.Validation = newSecretRef(sds)
	view.AuthorityFile = rules.GetTrustedCa().GetFilename()
	view.SubjectAltNames = subjectAltNames(rules)
	return view
}

func subjectAltNames(rules *tlsv3.CertificateValidationContext) []StringMatch {
	var names []StringMatch
	for _, m := range rules.GetMatchSubjectAltNames() { //nolint:staticcheck // istiod still sends the untyped form
		names = append(names, newStringMatch(m))
	}
	for _, m := range rules.GetMatchTypedSubjectAltNames() {
		names = append(names, newStringMatch(m.GetMatcher()))
	}
	return names
}

func tlsVersion(v tlsv3.TlsParameters_TlsProtocol) string {
	if v == tlsv3.TlsParameters_TLS_AUTO {
		return ""
	}
	return v.String()
}

func newSecretRef(c *tlsv3.SdsSecretConfig) SecretRef {
	if c == nil {
		return SecretRef{}
	}
	ref := SecretRef{Name: c.GetName()}
	switch source := c.GetSdsConfig(); {
	case source.GetAds() != nil:
		ref.Source = "ads"
	case source.GetPathConfigSource() != nil:
		ref.Source = source.GetPathConfigSource().GetPath()
	default:
		for _, service := range source.GetApiConfigSource().GetGrpcServices() {
			ref.Source = service.GetEnvoyGrpc().GetClusterName()
		}
	}
	return ref
}
