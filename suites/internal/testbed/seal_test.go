package testbed

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

// sealed runs the script with stand-ins for the programs of the node and returns what it asked of them.
func sealed(t *testing.T, routes string) string {
	t.Helper()
	g := NewWithT(t)
	dir := t.TempDir()
	calls := filepath.Join(dir, "calls")
	for name, text := range map[string]string{
		"ip":        routes,
		"iptables":  `echo "4 $*" >> ` + calls + "\n[ $2 != -C ]",
		"ip6tables": `echo "6 $*" >> ` + calls + "\n[ $2 != -C ]",
	} {
		g.Expect(os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/bash\n"+text+"\n"), 0o755)).To(Succeed())
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", sealScript)
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
	output, err := cmd.CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred(), string(output))
	text, err := os.ReadFile(calls)
	g.Expect(err).NotTo(HaveOccurred())
	return string(text)
}

func TestTheSealIsOfBothFamilies(t *testing.T) {
	const four = `case "$*" in
	"-4 route show default") echo "default via 10.89.0.1 dev eth0 proto static metric 100" ;;
	"-4 route show dev eth0 proto kernel") echo "10.89.0.0/24 scope link src 10.89.0.5" ;;
	`
	const rules4 = `4 -w -N MESHPROOF-SEAL
4 -w -A MESHPROOF-SEAL -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
4 -w -A MESHPROOF-SEAL -d 10.89.0.0/24 -j RETURN
4 -w -A MESHPROOF-SEAL -d 10.244.0.0/16 -j RETURN
4 -w -A MESHPROOF-SEAL -j REJECT
4 -w -C FORWARD -o eth0 -j MESHPROOF-SEAL
4 -w -I FORWARD 1 -o eth0 -j MESHPROOF-SEAL
4 -w -C OUTPUT -o eth0 -j MESHPROOF-SEAL
4 -w -I OUTPUT 1 -o eth0 -j MESHPROOF-SEAL
`
	t.Run("a node with one family", func(t *testing.T) {
		NewWithT(t).Expect(sealed(t, four+"esac")).To(Equal(rules4))
	})
	t.Run("a node with both", func(t *testing.T) {
		calls := sealed(t, four+`"-6 route show default") echo "default via fc00::1 dev eth0 metric 1024 pref medium" ;;
	"-6 route show dev eth0 proto kernel") printf 'fc00::/64 metric 256 pref medium\nfe80::/64 metric 256 pref medium\n' ;;
	esac`)
		NewWithT(t).Expect(calls).To(Equal(rules4 + `6 -w -N MESHPROOF-SEAL
6 -w -A MESHPROOF-SEAL -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
6 -w -A MESHPROOF-SEAL -d fc00::/64 -j RETURN
6 -w -A MESHPROOF-SEAL -d fe80::/64 -j RETURN
6 -w -A MESHPROOF-SEAL -d ff00::/8 -j RETURN
6 -w -A MESHPROOF-SEAL -j REJECT
6 -w -C FORWARD -o eth0 -j MESHPROOF-SEAL
6 -w -I FORWARD 1 -o eth0 -j MESHPROOF-SEAL
6 -w -C OUTPUT -o eth0 -j MESHPROOF-SEAL
6 -w -I OUTPUT 1 -o eth0 -j MESHPROOF-SEAL
`))
	})
}
