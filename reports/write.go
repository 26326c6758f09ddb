package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// form is one of the files that a value is written as.
type form[T any] struct {
	Name   string
	Render func(T) ([]byte, error)
}

func forms() []form[Report] {
	return []form[Report]{
		{"report.json", renderJSON},
		{"junit.xml", renderJUnit},
		{"report.md", renderMarkdown},
		{"report.html", renderHTML},
	}
}

func formNames() []string {
	var names []string
	for _, f := range forms() {
		names = append(names, f.Name)
	}
	return names
}

// Write writes report.json, junit.xml, report.md and report.html into dir, which is made when missing: all from the same value,
// counted anew, each file whole or not at all. The error says what to do.
func Write(dir string, report Report) error {
	report.Schema, report.Summary, report.Causes = Schema, Summarise(report.Results), Causes(report.Results)
	return writeForms(dir, report, forms())
}

// writeForms writes all forms of a value into dir, which is made when missing. Every one is rendered before the first is written.
func writeForms[T any](dir string, value T, forms []form[T]) error {
	rendered := map[string][]byte{}
	for _, f := range forms {
		raw, err := f.Render(value)
		if err != nil {
			return fmt.Errorf("%s could not be made: %w", f.Name, err)
		}
		rendered[f.Name] = raw
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return unwritable(dir, err)
	}
	for _, f := range forms {
		if err := replaceFile(filepath.Join(dir, f.Name), rendered[f.Name]); err != nil {
			return unwritable(dir, err)
		}
	}
	return nil
}

func renderJSON(r Report) ([]byte, error) { return inJSON(r) }

// inJSON is a value as the reports' JSON files hold it.
func inJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(value)
	return b.Bytes(), err
}

// replaceFile puts raw in the place of the file in one go, so that no reader and no crash ever meets half of it.
func replaceFile(name string, raw []byte) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}()
	_, err = temp.Write(raw)
	err = errors.Join(err, temp.Chmod(0o644), temp.Sync(), temp.Close())
	if err != nil {
		return err
	}
	return os.Rename(temp.Name(), name)
}

// unwritable is one sentence with the way out for an error met while writing into dir.
func unwritable(dir string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("there is no room left for the report in %s; free some, or name another folder with OUT=FOLDER: %w", dir, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("the report may not be written to %s; make the folder writable, or name another with OUT=FOLDER: %w", dir, err)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%s is in the way of the report; remove it, or name another folder with OUT=FOLDER: %w", pathOf(dir, err), err)
	}
	return fmt.Errorf("the report could not be written to %s: %w", dir, err)
}

// pathOf is the path that err is about, dir when it names none.
func pathOf(dir string, err error) string {
	var at *fs.PathError
	if errors.As(err, &at) && at.Path != "" {
		return at.Path
	}
	return dir
}
