package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"time"
)

// What a run writes into its folder while it runs.
const (
	journalName  = "journal.jsonl"
	evidenceName = "evidence"
)

// Journal keeps what a run has found so far, one JSON line each, on disk before the call returns. A process that is killed leaves
// everything it had recorded; Collect makes a report of it. Several processes may write one journal after each other. Its methods
// may be called from several goroutines.
type Journal struct {
	mu    sync.Mutex
	dir   string
	root  *os.Root
	file  *os.File
	clean Clean
	torn  bool // the last line has no end
}

// entry is a line of the journal.
type entry struct {
	At      time.Time `json:"at"`
	Run     *Run      `json:"run,omitempty"`
	Testbed *Testbed  `json:"testbed,omitempty"`
	Result  *Result   `json:"result,omitempty"`

	Incident *Incident `json:"incident,omitempty"`
	Ended    string    `json:"ended,omitempty"`
}

// CreateJournal begins a run in dir, which is made when missing. What an earlier run left there (its report too: a stale one must
// not be taken for this run's) is removed. clean is given every text before it is written and takes out what must
// not be; nil writes everything as it is.
func CreateJournal(dir string, clean Clean) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, unwritable(dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, unwritable(dir, err)
	}
	if err := removeLast(root); err != nil {
		return nil, unwritable(dir, errors.Join(err, root.Close()))
	}
	return newJournal(dir, root, clean)
}

// OpenJournal continues the journal that CreateJournal began in dir, in the same or in another process.
func OpenJournal(dir string, clean Clean) (*Journal, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, unwritable(dir, err)
	}
	if _, err := root.Stat(journalName); err != nil {
		return nil, errors.Join(noJournal(dir, err), root.Close())
	}
	return newJournal(dir, root, clean)
}

func newJournal(dir string, root *os.Root, clean Clean) (*Journal, error) {
	file, err := root.OpenFile(journalName, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return nil, unwritable(dir, errors.Join(err, root.Close()))
	}
	j := &Journal{dir: dir, root: root, file: file, clean: clean}
	if j.torn, err = endsTorn(file); err != nil {
		return nil, unwritable(dir, errors.Join(err, j.Close()))
	}
	return j, nil
}

// removeLast removes what an earlier run left. Without a journal there was none, and a folder that happens to be called evidence is
// somebody else's.
func removeLast(root *os.Root) error {
	if _, err := root.Stat(journalName); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	for _, name := range append(formNames(), SBOMFile, evidenceName, journalName) {
		if err := root.RemoveAll(name); err != nil {
			return err
		}
	}
	return nil
}

func endsTorn(file *os.File) (bool, error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return false, err
	}
	last := make([]byte, 1)
	_, err = file.ReadAt(last, size-1)
	return last[0] != '\n', err
}

// Header records the run and its testbed as far as they are known. The last one counts: it is called when the run begins, when the
// testbed stands, and when the run ends (a run without Finished was killed).
func (j *Journal) Header(run Run, testbed Testbed) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.append(entry{Run: &run, Testbed: &testbed})
}

// Record keeps a finished scenario: first the evidence of its steps, in files of their own that r then names, and the configuration that was looked at
// (lastgood.go), and then the result.
// A result recorded twice counts as it was last.
func (j *Journal) Record(r *Result) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := r.check(); err != nil {
		return fmt.Errorf("this result cannot be recorded: %w", err)
	}
	kept := errors.Join(j.keepEvidence(r), j.keepLastGood(r))
	return errors.Join(kept, j.append(entry{Result: r}))
}

// Incident keeps what happened to the testbed.
func (j *Journal) Incident(incident Incident) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.append(entry{Incident: &incident})
}

// Ended keeps why no further scenario is asked.
func (j *Journal) Ended(why string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.append(entry{Ended: why})
}

// Close closes the journal; what was recorded is on disk already.
func (j *Journal) Close() error { return errors.Join(j.file.Close(), j.root.Close()) }

// keepEvidence writes the steps' evidence and notes in the result where it is.
func (j *Journal) keepEvidence(r *Result) error {
	dir := path.Join(evidenceName, r.ID)
	for i, step := range r.Steps {
		name := path.Join(dir, fmt.Sprintf("step-%02d", i+1))
		for _, kept := range []struct {
			raw  []byte
			file string
			into *string
		}{{step.Evidence, name + ".json", &step.EvidenceFile}, {step.Missed, name + "-missed.json", &step.MissedFile}} {
			if len(kept.raw) == 0 {
				continue
			}
			if err := j.writeEvidence(kept.file, kept.raw); err != nil {
				return fmt.Errorf("the evidence of %s, step %d, could not be kept: %w", r.ID, i+1, err)
			}
			*kept.into = kept.file
		}
	}
	if info, err := j.root.Stat(dir); err == nil && info.IsDir() {
		r.Evidence = dir
	}
	return nil
}

func (j *Journal) writeEvidence(name string, raw []byte) error {
	text, err := cleaned(raw, j.clean)
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, text, "", "  "); err != nil {
		return err
	}
	pretty.WriteByte('\n')
	if err := j.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return unwritable(j.dir, err)
	}
	if err := j.root.WriteFile(name, pretty.Bytes(), 0o644); err != nil {
		return unwritable(j.dir, err)
	}
	return nil
}

// append writes one line and waits until it is on disk. A line that a full disk cut short is ended before the next one.
func (j *Journal) append(e entry) error {
	e.At = time.Now().UTC()
	raw, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("the journal cannot hold this: %w", err)
	}
	line, err := cleaned(raw, j.clean)
	if err != nil {
		return fmt.Errorf("the journal cannot hold this: %w", err)
	}
	if j.torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := j.file.Write(append(line, '\n'))
	if err != nil {
		j.torn = j.torn || n > 0
		return unwritable(j.dir, err)
	}
	j.torn = false
	if err := j.file.Sync(); err != nil {
		return unwritable(j.dir, err)
	}
	return nil
}
