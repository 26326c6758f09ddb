package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Log holds what became of each attempt of a run, one JSON object per line, so that also an interrupted run has them.
type Log[T any] struct {
	file  *os.File
	clean Clean
}

// CreateLog begins an empty one in the folder. clean is given every text before it is written, as in a Journal.
func CreateLog[T any](dir, name string, clean Clean) (*Log[T], error) {
	file, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("begin the list %s: %w", name, err)
	}
	return &Log[T]{file, clean}, nil
}

// Record adds a line.
func (l *Log[T]) Record(attempt T) error {
	raw, err := json.Marshal(attempt)
	if err != nil {
		return fmt.Errorf("write a line of %s: %w", l.file.Name(), err)
	}
	line, err := cleaned(raw, l.clean)
	if err != nil {
		return fmt.Errorf("write a line of %s: %w", l.file.Name(), err)
	}
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write a line of %s: %w", l.file.Name(), err)
	}
	return nil
}

// Close ends the list.
func (l *Log[T]) Close() error { return l.file.Close() }

// ReadLog reads the list of a run.
func ReadLog[T any](dir, name string) ([]T, error) {
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("read the list %s: %w", name, err)
	}
	defer file.Close()
	var all []T
	for lines := json.NewDecoder(file); ; {
		var attempt T
		err := lines.Decode(&attempt)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the list %s: %w", name, err)
		}
		all = append(all, attempt)
	}
}
