package proxyconfig

import (
	"fmt"
	"strings"
)

// The texts below are what a failed assertion prints: a person should see in a
// few lines what the proxy holds. GomegaString makes Gomega use them, too.

// String shows the listener and, one to a line, its filter chains.
func (l *Listener) String() string {
	addresses := make([]string, 0, len(l.Addresses))
	for _, a := range l.Addresses {
		addresses = append(addresses, a.String())
	}
	lines := []string{fmt.Sprintf("listener %s at %s, %s", l.Name, strings.Join(addresses, " "), l.State)}
	for _, chain := range l.FilterChains {
		lines = append(lines, indent(chain.String()))
	}
	if l.Default != nil {
		lines = append(lines, indent("default "+l.Default.String()))
	}
	return strings.Join(lines, "\n")
}

// String shows on one line what the chain matches and what it does.
func (f *FilterChain) String() string {
	text := f.Match.String()
	if f.TLS != nil {
		text += ", " + f.TLS.String()
	}
	switch {
	case f.HTTP != nil && f.HTTP.Inline != nil:
		return text + ": inline route " + f.HTTP.RouteName
	case f.HTTP != nil:
		return text + ": route " + f.HTTP.RouteName
	case f.TCP != nil:
		return text + ": " + targets(f.TCP.Clusters)
	default:
		return text + ": neither HTTP nor TCP proxy"
	}
}

// String shows the conditions, "ALL" where there are none.
func (m Match) String() string {
	var conditions []string
	for _, c := range []struct {
		label  string
		values []string
	}{
		{"SNI", m.ServerNames},
		{"ALPN", m.ApplicationProtocols},
		{"transport", nonEmpty(m.TransportProtocol)},
	} {
		if len(c.values) > 0 {
			conditions = append(conditions, c.label+": "+strings.Join(c.values, ","))
		}
	}
	if m.DestinationPort != 0 {
		conditions = append(conditions, fmt.Sprintf("port: %d", m.DestinationPort))
	}
	for _, p := range m.Prefixes {
		conditions = append(conditions, "to: "+p.String())
	}
	if len(conditions) == 0 {
		return "ALL"
	}
	return strings.Join(conditions, "; ")
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// String shows what the TLS side asks for and offers.
func (t *TLS) String() string {
	words := []string{"TLS"}
	if t.SNI != "" {
		words = append(words, "sni="+t.SNI)
	}
	if t.RequireClientCertificate {
		words = append(words, "client certificate required")
	}
	if names := t.SecretNames(); len(names) > 0 {
		words = append(words, "secrets="+strings.Join(names, ","))
	}
	for _, san := range t.SubjectAltNames {
		words = append(words, "san="+san.String())
	}
	return strings.Join(words, " ")
}

// String shows the table, its virtual hosts and their routes.
func (r *RouteConfig) String() string {
	lines := []string{"route " + r.Name}
	for _, host := range r.VirtualHosts {
		lines = append(lines, indent(host.String()))
	}
	return strings.Join(lines, "\n")
}

// String shows the host, its domains and, one to a line, its routes.
func (v *VirtualHost) String() string {
	text := fmt.Sprintf("%s [%s]", v.Name, strings.Join(v.Domains, " "))
	if v.RequireTLS != "" {
		text += " require_tls " + v.RequireTLS
	}
	lines := []string{text}
	for _, route := range v.Routes {
		lines = append(lines, indent(route.String()))
	}
	return strings.Join(lines, "\n")
}

// String shows on one line what the route matches and what it does.
func (r *Route) String() string {
	text := r.Match.How + " " + r.Match.Path + " -> "
	switch {
	case r.Redirect != nil:
		text += fmt.Sprintf("redirect %d", r.Redirect.Code)
	case r.DirectResponse != nil:
		text += fmt.Sprintf("direct response %d", r.DirectResponse.Code)
	default:
		text += targets(r.Clusters)
	}
	if r.Timeout != nil && *r.Timeout > 0 {
		text += " within " + r.Timeout.String()
	}
	return text
}

func targets(clusters []WeightedCluster) string {
	if name := only(clusters); name != "" {
		return name
	}
	shares := make([]string, 0, len(clusters))
	for _, c := range clusters {
		shares = append(shares, fmt.Sprintf("%d of %s", c.Weight, c.Name))
	}
	return strings.Join(shares, " + ")
}

func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }

// String shows name, type and transport.
func (c *Cluster) String() string {
	text := fmt.Sprintf("cluster %s (%s, %s)", c.Name, c.Type, c.Transport())
	if c.TLS != nil {
		text = fmt.Sprintf("cluster %s (%s, %s)", c.Name, c.Type, c.TLS)
	}
	for _, e := range c.Endpoints {
		text += " " + e.Address.String()
	}
	return text
}

// String shows name, use, state and the leaf certificate.
func (s *Secret) String() string {
	text := fmt.Sprintf("secret %s (%s, %s)", s.Name, s.Type, s.State)
	if leaf, ok := s.Leaf(); ok {
		text += fmt.Sprintf(" %s serial %s until %s", leaf.Subject, leaf.Serial, leaf.NotAfter.Format("2006-01-02"))
	}
	return text
}

// GomegaString is String.
func (l *Listener) GomegaString() string { return l.String() }

// GomegaString is String.
func (f *FilterChain) GomegaString() string { return f.String() }

// GomegaString is String.
func (r *RouteConfig) GomegaString() string { return r.String() }

// GomegaString is String.
func (v *VirtualHost) GomegaString() string { return v.String() }

// GomegaString is String.
func (r *Route) GomegaString() string { return r.String() }

// GomegaString is String.
func (c *Cluster) GomegaString() string { return c.String() }

// GomegaString is String.
func (s *Secret) GomegaString() string { return s.String() }
