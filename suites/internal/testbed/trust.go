package testbed

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshproof/meshproof/certs"
	"github.com/meshproof/meshproof/fixtures"
)

// identities are the certificates of the outside world. Keys exist in this process, and in one Secret of the cluster.
type identities struct {
	root    string            // the authority's certificate
	secrets map[string]string // certificates and keys of all sites, by file name
}

// issue makes the authority of the outside world and what it issues to the sites. The authority's key is forgotten at once.
func issue() (identities, error) {
	authority, err := certs.NewAuthority(certs.Subject{O: "meshproof", CN: "Outside World Root"}, certs.WithKey(certs.ECDSAP256))
	if err != nil {
		return identities{}, err
	}
	made := identities{root: string(authority.CertPEM()), secrets: map[string]string{}}
	for _, wanted := range fixtures.Certificates() {
		pair, err := authority.Issue(certs.Leaf{
			Subject: certs.Subject{O: "meshproof", CN: wanted.DNSNames[0]}, DNSNames: wanted.DNSNames, Usage: certs.ServerUse, Key: certs.ECDSAP256,
		})
		if err != nil {
			return identities{}, err
		}
		key, err := pair.KeyPEM()
		if err != nil {
			return identities{}, err
		}
		made.secrets[wanted.CertFile()], made.secrets[wanted.KeyFile()] = string(pair.ChainPEM()), string(key)
	}
	return made, nil
}

// trustIn is the ConfigMap that makes a namespace trust the outside world.
func trustIn(name, root string) *unstructured.Unstructured {
	return configMap(name, fixtures.TrustConfigMap, map[string]string{fixtures.TrustKey: root})
}

func (b *builder) makeCertificates(context.Context) (err error) {
	b.identities, err = issue()
	return err
}

// spreadTrust makes the namespaces, and puts the outside world's root where curl and the gateways will look for it: it has to be there
// before their pods are.
func (b *builder) spreadTrust(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for name, labels := range map[string]map[string]string{
		istioSystem: nil,
		pages:       {"istio-injection": "enabled"},
	} {
		group.Go(func() error {
			if err := b.client.applyObject(ctx, "", namespace(name, labels)); err != nil {
				return err
			}
			return b.client.applyObject(ctx, name, trustIn(name, b.identities.root))
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("make the outside world trusted: %w", err)
	}
	return nil
}
