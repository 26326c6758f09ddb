package testbed

import (
	"context"
	"fmt"
)

// sealChain holds the rules of the seal in the node's filter table.
const sealChain = "MESHPROOF-SEAL"

// sealScript shuts the cluster off from everything but itself: what pods, or the node, send through the node's own interface is
// refused at once, except answers and what goes to the network of the node (the engine's bridge, by which this process talks to it).
//
// Without it a request to an address that nobody in the cluster has, such as the cluster IP of a deleted Service, would follow the
// node's default route into the user's network; the promise "nothing answers there" would then depend on what listens there. kube-proxy
// has rewritten the destination of every living Service before these rules look at it (PREROUTING and OUTPUT of the nat table). What
// the node itself sends to a Service still carries the interface it would have left by, hence the rule for pods: without it the API
// server would reach no webhook.
const sealScript = `
link=$(ip -4 route show default | awk '{print $5; exit}')
network=$(ip -4 route show dev "$link" proto kernel scope link | awk '{print $1; exit}')
iptables -w -N ` + sealChain + ` 2>/dev/null || iptables -w -F ` + sealChain + `
iptables -w -A ` + sealChain + ` -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
iptables -w -A ` + sealChain + ` -d "$network" -j RETURN
iptables -w -A ` + sealChain + ` -d ` + podSubnet + ` -j RETURN
iptables -w -A ` + sealChain + ` -j REJECT
for chain in FORWARD OUTPUT; do
  iptables -w -C $chain -o "$link" -j ` + sealChain + ` 2>/dev/null || iptables -w -I $chain 1 -o "$link" -j ` + sealChain + `
done
`

// seal shuts the cluster off from every network but its own. It can be repeated.
func (b *Bed) seal(ctx context.Context) error {
	if _, err := b.NodeExec(ctx, "bash", "-euo", "pipefail", "-c", sealScript); err != nil {
		return fmt.Errorf("shut the cluster off from the networks around it: %w", err)
	}
	return nil
}

// sealDeviations say what a sealed cluster cannot do.
func sealDeviations() []string {
	return []string{"the cluster is sealed: whatever it sends beyond its own network and the sites is refused at once, so nothing depends on what the machine can reach"}
}
