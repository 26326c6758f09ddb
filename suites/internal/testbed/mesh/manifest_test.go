package mesh

import (
	"testing"
	"testing/fstest"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestExpand(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		env        scenario.Env
		want, err  string
	}{
		{name: "no variable", text: "host: a", want: "host: a"},
		{name: "every occurrence", text: "${A} ${B} ${A}", env: scenario.Env{"A": "1", "B": "2"}, want: "1 2 1"},
		{name: "an empty value is a value", text: "[${A}]", env: scenario.Env{"A": ""}, want: "[]"},
		{name: "a value that looks like a variable stays", text: "${A}", env: scenario.Env{"A": "${B}"}, want: "${B}"},
		{name: "a dollar sign alone is text", text: "$A costs $5", want: "$A costs $5"},
		{name: "one that nothing exported", text: "ip: ${PROXY_IP}", env: scenario.Env{"A": "1"}, err: "nothing exported ${PROXY_IP} before this step"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := expand(tc.text, tc.env)
			if tc.err != "" {
				g.Expect(err).To(MatchError(tc.err))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(Equal(tc.want))
		})
	}
}

func TestReadManifest(t *testing.T) {
	files := fstest.MapFS{
		"two.yaml": {Data: []byte(`# a comment of the page
apiVersion: v1
kind: Service
metadata:
  name: my-wikipedia
spec:
  ports:
  - port: 443
    name: tls
---
---
# only a comment
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: external, namespace: other}
spec: {hosts: ["${HOST}"], ratio: 0.5}
`)},
		"list.yaml":    {Data: []byte("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n- {apiVersion: v1, kind: Namespace, metadata: {name: b}}\n")},
		"twice.yaml":   {Data: []byte("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {type: ClusterIP, type: ExternalName}\n")},
		"nameless.yml": {Data: []byte("apiVersion: v1\nkind: Service\nspec: {}\n")},
		"kindless.yml": {Data: []byte("metadata: {name: a}\n")},
		"empty.yaml":   {Data: []byte("# nothing\n")},
	}
	env := scenario.Env{"HOST": "edition.cnn.com"}

	g := NewWithT(t)
	objects, err := readManifest(files, "two.yaml", env)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(objects).To(HaveLen(2))
	g.Expect(keyOf(objects[0]).String()).To(Equal("Service my-wikipedia"))
	g.Expect(keyOf(objects[1]).String()).To(Equal("ServiceEntry other/external"))
	ports := objects[0].Object["spec"].(map[string]any)["ports"].([]any)
	g.Expect(ports[0]).To(HaveKeyWithValue("port", int64(443)), "the API machinery refuses to copy a float that is a whole number")
	g.Expect(objects[1].Object["spec"]).To(And(HaveKeyWithValue("hosts", ConsistOf("edition.cnn.com")), HaveKeyWithValue("ratio", 0.5)))

	objects, err = readManifest(files, "list.yaml", nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(objects).To(HaveLen(2))

	for name, says := range map[string]string{
		"two.yaml":     "manifest two.yaml: nothing exported ${HOST} before this step",
		"twice.yaml":   `key "type" already set`,
		"nameless.yml": "document 1: the Service has no name",
		"kindless.yml": "document 1: an object needs a kind and an apiVersion",
		"empty.yaml":   "it holds no object",
		"missing.yaml": "file does not exist",
	} {
		_, err := readManifest(files, name, nil)
		g.Expect(err).To(MatchError(ContainSubstring(says)), name)
	}
}
