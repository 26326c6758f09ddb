package testbed

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Claim is the right to work on a cluster: two at work on one would spoil each other's scenarios. It ends when it is released, and with the last of
// the processes that have its File at the latest.
type Claim struct {
	file *os.File
}

// claimant is who works on a cluster, for those who are refused.
type claimant struct {
	What    string    `json:"what"` // the command
	Process int       `json:"process"`
	Since   time.Time `json:"since"`
}

// TakeClaim claims the cluster of the options for a command, as a person calls it: "make e2e". The error says who has it.
func TakeClaim(o Options, what string) (*Claim, error) {
	b, err := newBuilder(o)
	if err != nil {
		return nil, err
	}
	return b.home.claim(what)
}

func (h home) claim(what string) (*Claim, error) {
	if err := os.MkdirAll(filepath.Dir(h.dir), 0o755); err != nil {
		return nil, fmt.Errorf("claim cluster %s: %w", h.cluster, err)
	}
	file, err := os.OpenFile(h.dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("claim cluster %s: %w", h.cluster, err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		var holder claimant
		_ = json.NewDecoder(file).Decode(&holder) // only for the message
		_ = file.Close()
		return nil, fmt.Errorf("cluster %s: %s, process %d, has been at work on it since %s: wait for it or stop it, or take another name with %s",
			h.cluster, holder.What, holder.Process, holder.Since.Format(time.TimeOnly), ClusterEnv)
	}
	text, err := json.Marshal(claimant{What: what, Process: os.Getpid(), Since: time.Now()})
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		_, err = file.WriteAt(append(text, '\n'), 0)
	}
	if err != nil {
		return nil, fmt.Errorf("claim cluster %s: %w", h.cluster, err)
	}
	return &Claim{file}, nil
}

// File is for a process that is started to work on the cluster, and that may outlive this one.
func (c *Claim) File() *os.File { return c.file }

// Release gives the cluster free, for this process.
func (c *Claim) Release() { _ = c.file.Close() }
