package mesh

import (
	"strconv"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"
)

func TestMeshMark(t *testing.T) {
	for _, text := range []string{meshText, "accessLogFile: /dev/stdout", "", "a: b\n\n"} {
		t.Run(strconv.Quote(text), func(t *testing.T) {
			g := NewWithT(t)
			marked := withMark(text, "settleabc"+markHostSuffix)
			var held meshConfig
			g.Expect(yaml.Unmarshal([]byte(marked), &held)).To(Succeed())
			g.Expect(held.mark()).To(Equal("settleabc" + markHostSuffix))
			g.Expect(withoutMark(marked)).To(Equal(text), "to the letter")
			g.Expect(withoutMark(text)).To(Equal(text))
		})
	}
}
