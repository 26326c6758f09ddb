package certs_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/format"

	"github.com/meshproof/meshproof/certs"
)

func quickBundle() *certs.Bundle {
	return certs.NewBundle(
		certs.Root("example.com", certs.Subject{O: "example Inc.", CN: "example.com"}, certs.WithKey(certs.ECDSAP256)),
		certs.Signed("client.example.com", "example.com", certs.Leaf{Subject: certs.Subject{CN: "client.example.com"}, Key: certs.ECDSAP256}),
	)
}

func TestBundleIsTheFolderOfThePage(t *testing.T) {
	g := NewWithT(t)
	bundle := quickBundle()

	pair, err := bundle.Pair("client.example.com")()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(pair).To(And(HaveLen(2), HaveKey("tls.crt"), HaveKey("tls.key")))
	g.Expect(string(pair["tls.key"])).To(HavePrefix("-----BEGIN PRIVATE KEY-----"))

	files, err := bundle.Files("example.com.crt", "ca.crt=example.com.crt", "tls.crt=client.example.com.crt")()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(files).To(HaveLen(3))
	g.Expect(files["ca.crt"]).To(Equal(files["example.com.crt"]))
	g.Expect(files["tls.crt"]).To(Equal(pair["tls.crt"]), "made once")

	root, err := bundle.Certificate("example.com")
	g.Expect(err).NotTo(HaveOccurred())
	client, err := bundle.Certificate("client.example.com")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(client.CheckSignatureFrom(root)).To(Succeed())
	g.Expect(client.Subject.String()).To(Equal("CN=client.example.com"))
}

func TestBundleWithAnIntermediate(t *testing.T) {
	g := NewWithT(t)
	key := certs.WithKey(certs.ECDSAP256)
	bundle := certs.NewBundle(
		certs.Root("root", certs.Subject{CN: "root"}, key),
		certs.Intermediate("between", "root", certs.Subject{CN: "between"}, key),
		certs.Signed("site", "between", certs.Leaf{Subject: certs.Subject{CN: "site"}, Key: certs.ECDSAP256}),
	)
	files, err := bundle.Files("ca.pem=between.chain.crt", "root.chain.crt", "site.crt")()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(names(files["ca.pem"])).To(Equal([]string{"between", "root"}))
	g.Expect(names(files["root.chain.crt"])).To(Equal([]string{"root"}))
	g.Expect(names(files["site.crt"])).To(Equal([]string{"site"}), "the leaf alone")
	between, err := bundle.Certificate("between")
	g.Expect(err).NotTo(HaveOccurred())
	site, err := bundle.Certificate("site")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(site.CheckSignatureFrom(between)).To(Succeed())
}

func TestBundleTellsMistakes(t *testing.T) {
	root := certs.Root("example.com", certs.Subject{CN: "example.com"}, certs.WithKey(certs.ECDSAP256))
	for name, test := range map[string]struct {
		bundle *certs.Bundle
		want   string
	}{
		"a file that nobody makes": {certs.NewBundle(root), `no command makes "client.crt"; there are example.com`},
		"below an intermediate":    {certs.NewBundle(root, certs.Intermediate("a", "example.com", certs.Subject{}), certs.Intermediate("b", "a", certs.Subject{})), "below its root"},
		"a stranger as issuer":     {certs.NewBundle(certs.Signed("client", "example.com", certs.Leaf{}), root), `client.crt is to be signed by "example.com", which no earlier command makes`},
		"no issuer at all":         {certs.NewBundle(certs.Signed("client", "", certs.Leaf{})), `client.crt is to be signed by "", which no earlier command makes`},
		"two of a name":            {certs.NewBundle(root, root), "two commands make example.com.crt"},
		"an impossible root":       {certs.NewBundle(certs.Root("client", certs.Subject{}, certs.WithDays(-1))), "a validity of -1 days"},
		"an impossible leaf":       {certs.NewBundle(root, certs.Signed("client", "example.com", certs.Leaf{Days: -1})), "a validity of -1 days"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := test.bundle.Files("client.crt")()
			g.Expect(err).To(MatchError(ContainSubstring(test.want)))
			_, err = test.bundle.Certificate("client")
			g.Expect(err).To(MatchError(ContainSubstring(test.want)))
		})
	}
}

func TestBundlePrintsNoKey(t *testing.T) {
	g := NewWithT(t)
	bundle := quickBundle()
	pair, err := bundle.Pair("client.example.com")()
	g.Expect(err).NotTo(HaveOccurred())
	middle := string(pair["tls.key"][len(pair["tls.key"])/2:][:12])
	inside := struct{ bundle *certs.Bundle }{bundle}

	encoded, err := json.Marshal(bundle)
	g.Expect(err).NotTo(HaveOccurred())
	texts := []string{string(encoded), format.Object(bundle, 1), format.Object(inside, 1), bundle.LogValue().String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		texts = append(texts, fmt.Sprintf(verb, bundle), fmt.Sprintf(verb, inside), fmt.Sprintf(verb, *bundle))
	}
	g.Expect(texts).To(HaveEach(Satisfy(func(text string) bool { return !strings.Contains(text, middle) })))
	g.Expect(bundle.String()).To(Equal("certificates example.com, client.example.com, keys not shown"))
	g.Expect((*certs.Bundle)(nil).String()).To(Equal("no certificates"))
}
