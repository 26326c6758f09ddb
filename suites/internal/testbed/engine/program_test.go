package engine

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestTheTrialsProgramRunsUntilItIsTold(t *testing.T) {
	g := NewWithT(t)
	archive, err := trialImage()
	g.Expect(err).NotTo(HaveOccurred())
	r := tar.NewReader(bytes.NewReader(archive))
	header, err := r.Next()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect("/" + header.Name).To(Equal(trialProgram))
	text, err := io.ReadAll(r)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = elf.NewFile(bytes.NewReader(text))
	g.Expect(err).NotTo(HaveOccurred())

	file := filepath.Join(t.TempDir(), "wait")
	g.Expect(os.WriteFile(file, text, 0o755)).To(Succeed())
	program := exec.CommandContext(t.Context(), file)
	g.Expect(program.Start()).To(Succeed())
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	g.Consistently(ended, 100*time.Millisecond).ShouldNot(Receive())
	g.Expect(program.Process.Signal(syscall.SIGTERM)).To(Succeed())
	g.Eventually(ended, 5*time.Second).Should(Receive(MatchError("signal: terminated")))
}

func TestInNode(t *testing.T) {
	g := NewWithT(t)
	g.Expect((&Engine{}).inNode()).To(BeEmpty())
	g.Expect((&Engine{LegacyCgroups: true, Unprivileged: true}).inNode()).To(HaveLen(2))
}
