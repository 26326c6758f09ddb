package testbed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// home is the folder with everything that is kept about one cluster.
type home struct {
	cluster string
	dir     string
}

// Files of a home.
const (
	kubeconfigFile = "kubeconfig"
	ownerFile      = "owner.json"
	setFile        = "set.json"
	factsFile      = "facts.json"
	sbomFile       = "sbom.cdx.json"
	installedFile  = "installed.json"
	policiesFile   = "policies.json"
	operatorFile   = "istio.yaml"
	kindLogFile    = "kind.log"
	istioLogFile   = "istioctl.log"
)

// clustersFolder holds the homes, and beside each its lock.
func clustersFolder() (string, error) {
	folder, err := stateFolder()
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, "clusters"), nil
}

func homeOf(cluster string) (home, error) {
	folder, err := clustersFolder()
	if err != nil {
		return home{}, err
	}
	return home{cluster: cluster, dir: filepath.Join(folder, cluster)}, nil
}

func (h home) file(name string) string { return filepath.Join(h.dir, name) }

// make makes the folder, for nobody else to read: the kubeconfig in it is the key to the cluster.
func (h home) make() error {
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of cluster %s: %w", h.cluster, err)
	}
	return nil
}

func (h home) remove() error {
	if err := os.RemoveAll(h.dir); err != nil {
		return fmt.Errorf("remove the folder of cluster %s: %w", h.cluster, err)
	}
	return nil
}

// write keeps a value as JSON. A reader sees the old one or the new one, never half of it.
func (h home) write(name string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("keep %s of cluster %s: %w", name, h.cluster, err)
	}
	if err := h.make(); err != nil {
		return err
	}
	part := h.file(name + ".part")
	if err := os.WriteFile(part, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("keep %s of cluster %s: %w", name, h.cluster, err)
	}
	return os.Rename(part, h.file(name))
}

// read reads what write kept. It fails with fs.ErrNotExist if there is none.
func (h home) read(name string, value any) error {
	text, err := os.ReadFile(h.file(name))
	if err != nil {
		return fmt.Errorf("read %s of cluster %s: %w", name, h.cluster, err)
	}
	if err := json.Unmarshal(text, value); err != nil {
		return fmt.Errorf("read %s of cluster %s: %w", name, h.cluster, err)
	}
	return nil
}

// owner is the record by which a cluster is known to be ours. It is written before anything is created, so that whatever a killed
// run leaves behind can be told from a stranger's.
type owner struct {
	RunID    string    `json:"runID"`
	Made     time.Time `json:"made"`
	Engine   string    `json:"engine"`
	Maker    process   `json:"maker"`
	Node     string    `json:"node,omitempty"` // id of its container, once there is one
	Keep     bool      `json:"keep"`           // it outlives its maker
	Complete bool      `json:"complete"`       // it was brought up to the end

	Compatibility string `json:"compatibility,omitempty"` // Istio's compatibilityVersion
}

func (h home) owner() (owner, bool, error) {
	var o owner
	err := h.read(ownerFile, &o)
	if errors.Is(err, fs.ErrNotExist) {
		return o, false, nil
	}
	return o, err == nil, err
}

// process identifies a process beyond its number, which is given away again.
type process struct {
	ID      int    `json:"id"`
	Started string `json:"started"` // in clock ticks since boot, proc(5)
	Boot    string `json:"boot"`
}

func thisProcess() process {
	id := os.Getpid()
	return process{ID: id, Started: startOf(id), Boot: bootID()}
}

// alive tells whether the process is still running.
func (p process) alive() bool {
	return p.Boot == bootID() && p.Started != "" && startOf(p.ID) == p.Started
}

// startOf is field 22 of /proc/<id>/stat; "" if there is no such process.
func startOf(id int) string {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(id), "stat"))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name before it may hold anything
	const startTime = 22 - 3                      // state, the first after the name, is field 3
	if fields := strings.Fields(rest); len(fields) > startTime {
		return fields[startTime]
	}
	return ""
}

func bootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // equal to itself where there is none
	return strings.TrimSpace(string(text))
}
