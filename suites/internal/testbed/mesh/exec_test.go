package mesh

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"
)

func TestIsNoProgram(t *testing.T) {
	g := NewWithT(t)
	g.Expect(isNoProgram(errors.New(`Internal error occurred: OCI runtime exec failed: exec: "sh": executable file not found in $PATH`))).To(BeTrue())
	g.Expect(isNoProgram(errors.New(`OCI runtime exec failed: exec: "/bin/sh": stat /bin/sh: no such file or directory`))).To(BeTrue())
	g.Expect(isNoProgram(errors.New("container not found"))).To(BeFalse())
}
