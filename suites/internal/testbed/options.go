package testbed

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// ClusterEnv names the cluster, where the default name is taken or two are wanted.
const ClusterEnv = "MESHPROOF_CLUSTER"

// DefaultCluster is the name of the cluster.
const DefaultCluster = "meshproof"

// Options says what is wanted. The zero value is what `make up` takes.
type Options struct {
	Cluster       string        // name; "" takes MESHPROOF_CLUSTER, or DefaultCluster
	Engine        string        // auto, podman or docker
	Images        images.Choice // where images come from, and of which versions
	Compatibility string        // of Istio's installer: behave as this version where defaults have changed; "" is none
	Evidence      string        // folder of a report's evidence; why a cluster could not be made is kept in its sub-folder up. "" keeps nothing
	Keep          bool          // the cluster outlives this process; Sweep leaves it alone
	RunID         string        // of the run that wants it, for the record; "" makes one
	Progress      Progress      // nil tells nobody
}

// clusterName is what kind accepts and what leaves room for "-control-plane" in a host name of 64 characters.
var clusterName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$`)

// complete fills in the defaults.
func (o Options) complete() (Options, error) {
	if o.Cluster == "" {
		o.Cluster = os.Getenv(ClusterEnv)
	}
	if o.Cluster == "" {
		o.Cluster = DefaultCluster
	}
	if !clusterName.MatchString(o.Cluster) {
		return o, fmt.Errorf("%q cannot be the name of a cluster: use up to 50 of a-z, 0-9 and -, such as %s=%s-2", o.Cluster, ClusterEnv, DefaultCluster)
	}
	if o.Engine == "" {
		o.Engine = engine.Auto
	}
	if o.RunID == "" {
		o.RunID = rand.Text()
	}
	if o.Progress == nil {
		o.Progress = silent{}
	}
	return o, nil
}

// stateFolder holds what is known about engines and clusters between two runs.
func stateFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the folder for the testbed's state (set HOME or XDG_CACHE_HOME): %w", err)
	}
	return filepath.Join(cache, "meshproof"), nil
}

// findEngine finds the engine that was asked for. Those who only look name a folder for what would be kept; "" keeps it.
func findEngine(ctx context.Context, choice, scratch string) (*engine.Engine, error) {
	folder, err := stateFolder()
	if err != nil {
		return nil, err
	}
	host, err := engine.LookAtHost()
	if err != nil {
		return nil, err
	}
	return engine.Finder{Folder: filepath.Join(folder, "engine"), Scratch: scratch, Host: host}.Find(ctx, choice)
}
