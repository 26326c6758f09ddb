package proxyconfig_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// ofSleep is the header in the output that the blog of 2020 shows.
const ofSleep = "" +
	"ChoKCkNMVVNURVJfSUQSDBoKS3ViZXJuZXRlcwo2CgxJTlNUQU5DRV9JUFMSJhokMTAuODAuMi4yNixmZTgwOjozMGI4OmI3ZmY6ZmUxNDpiMjE0Ct4BCgZMQUJFTFMS0wEq0AEKDgoD" +
	"YXBwEgcaBXNsZWVwChkKDGlzdGlvLmlvL3JldhIJGgdkZWZhdWx0CiAKEXBvZC10ZW1wbGF0ZS1oYXNoEgsaCWY4Y2JmNWI3NgokChlzZWN1cml0eS5pc3Rpby5pby90bHNNb2RlEgca" +
	"BWlzdGlvCioKH3NlcnZpY2UuaXN0aW8uaW8vY2Fub25pY2FsLW5hbWUSBxoFc2xlZXAKLwojc2VydmljZS5pc3Rpby5pby9jYW5vbmljYWwtcmV2aXNpb24SCBoGbGF0ZXN0ChoKB01F" +
	"U0hfSUQSDxoNY2x1c3Rlci5sb2NhbAofCgROQU1FEhcaFXNsZWVwLWY4Y2JmNWI3Ni13bjlyNwoWCglOQU1FU1BBQ0USCRoHZGVmYXVsdApJCgVPV05FUhJAGj5rdWJlcm5ldGVzOi8v" +
	"YXBpcy9hcHBzL3YxL25hbWVzcGFjZXMvZGVmYXVsdC9kZXBsb3ltZW50cy9zbGVlcAoaCg9TRVJWSUNFX0FDQ09VTlQSBxoFc2xlZXAKGAoNV09SS0xPQURfTkFNRRIHGgVzbGVlcA=="

func TestPeerMetadataOfTheBlog(t *testing.T) {
	g := NewWithT(t)
	got, err := proxyconfig.PeerMetadata(ofSleep)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(map[string]string{
		"CLUSTER_ID": "Kubernetes", "INSTANCE_IPS": "10.80.2.26,fe80::30b8:b7ff:fe14:b214", "MESH_ID": "cluster.local",
		"NAME": "sleep-f8cbf5b76-wn9r7", "NAMESPACE": "default", "OWNER": "kubernetes://apis/apps/v1/namespaces/default/deployments/sleep",
		"SERVICE_ACCOUNT": "sleep", "WORKLOAD_NAME": "sleep",
	}))
}

func TestPeerMetadataOfSomethingElse(t *testing.T) {
	g := NewWithT(t)
	_, err := proxyconfig.PeerMetadata("...")
	g.Expect(err).To(MatchError(ContainSubstring("it is not base64")))
	_, err = proxyconfig.PeerMetadata("AAAA")
	g.Expect(err).To(MatchError(ContainSubstring("it is no google.protobuf.Struct")))
}
