package testbed

import (
	"context"
	"fmt"
)

// sealChain holds the rules of the seal in the node's filter table.
const sealChain = "MESHPROOF-SEAL"

// sealScript shuts the cluster off from everything but itself: what pods, or the node, send through the node's own interface is
// refused at once, except answers and what goes to the network of the node (the engine's bridge, by which this process talks to it). So what
// listens on the machine itself, on all its addresses or on the bridge's, stays reachable from the cluster, as do other containers of that bridge;
// an engine's name server may be among them.
//
// Without it a request to an address that nobody in the cluster has, such as the cluster IP of a deleted Service, would follow the
// node's default route into the user's network; the promise "nothing answers there" would then depend on what listens there. kube-proxy
// has rewritten the destination of every living Service before these rules look at it (PREROUTING and OUTPUT of the nat table). What
// the node itself sends to a Service still carries the interface it would have left by, hence the rule for pods: without it the API
// server would reach no webhook.
const sealScript = `
seal() { # PROGRAM FAMILY OWN: without a default route there is nothing to refuse
  local link network
  link=$(ip "$2" route show default | awk '{ for (i = 1; i < NF; i++) if ($i == "dev") { print $(i + 1); exit } }')
  [ -n "$link" ] || return 0
  "$1" -w -N ` + sealChain + ` 2>/dev/null || "$1" -w -F ` + sealChain + `
  "$1" -w -A ` + sealChain + ` -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
  for network in $(ip "$2" route show dev "$link" proto kernel | awk '{ print $1 }') "$3"; do
    "$1" -w -A ` + sealChain + ` -d "$network" -j RETURN
  done
  "$1" -w -A ` + sealChain + ` -j REJECT
  for chain in FORWARD OUTPUT; do
    "$1" -w -C $chain -o "$link" -j ` + sealChain + ` 2>/dev/null || "$1" -w -I $chain 1 -o "$link" -j ` + sealChain + `
  done
}
seal iptables -4 ` + podSubnet + `
seal ip6tables -6 ff00::/8 # neighbours are found by multicast (RFC 4861); pods have no address of this family
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
	return []string{"the cluster is sealed: whatever it sends beyond the sites and its own network, on which the machine itself is, too, is refused at once, so nothing depends on what the machine can reach"}
}
