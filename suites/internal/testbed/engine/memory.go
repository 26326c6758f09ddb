package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// bootFile changes with every boot of the machine, and so may everything that was found out about it.
const bootFile = "/proc/sys/kernel/random/boot_id"

// memory is what a Finder keeps between two runs.
type memory struct {
	Boot   string `json:"boot"`
	Host   Host   `json:"host"`
	Engine Engine `json:"engine"`
}

func memoryFile(folder, name string) string { return filepath.Join(folder, name+".json") }

// recall returns what was found since the machine booted, if nothing has changed that it depends on.
func (f Finder) recall(e *Engine) (*Engine, bool) {
	text, err := os.ReadFile(memoryFile(f.Folder, e.Name))
	if err != nil {
		return nil, false
	}
	var m memory
	if json.Unmarshal(text, &m) != nil { // what cannot be read is found out again
		return nil, false
	}
	same := m.Boot == bootID() && m.Boot != "" && m.Host == f.Host && m.Engine.Program == e.Program && m.Engine.Config == e.Config
	return &m.Engine, same
}

func (f Finder) remember(e *Engine) error {
	host, err := LookAtHost() // a work-around may have changed it
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(memory{Boot: bootID(), Host: host, Engine: *e}, "", "  ")
	if err != nil {
		return fmt.Errorf("keep what was found out about %s: %w", e.Name, err)
	}
	if err := os.MkdirAll(f.keep(), 0o755); err != nil {
		return fmt.Errorf("keep what was found out about %s: %w", e.Name, err)
	}
	if err := os.WriteFile(memoryFile(f.keep(), e.Name), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("keep what was found out about %s: %w", e.Name, err)
	}
	return nil
}

func bootID() string {
	text, err := os.ReadFile(bootFile)
	if err != nil {
		return "" // never equal to one that was kept: see recall
	}
	return strings.TrimSpace(string(text))
}
