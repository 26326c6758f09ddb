package reports

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A report of another run, or of somebody else, is refused or can be shown in every form and be compared.
func FuzzRead(f *testing.F) {
	raw, err := renderJSON(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		file := filepath.Join(t.TempDir(), "report.json")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		report, err := Read(file)
		if err != nil {
			return
		}
		for _, form := range forms() {
			shown, err := form.Render(report)
			if err != nil {
				t.Errorf("%s: %v", form.Name, err)
			}
			if form.Name != "report.json" && bytes.ContainsAny(shown, "\x00\x1b\x07") {
				t.Errorf("%s holds a control character", form.Name)
			}
		}
		Gate(report, &report, GateOptions{})
		FinalLines(report)
	})
}

func FuzzCleaned(f *testing.F) {
	f.Add([]byte(`{"a":["b","c",{"d":"e"}],"\u0041\"":"\\"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		upper := func(texts []string) []string {
			for i, text := range texts {
				texts[i] = strings.ToUpper(text)
			}
			return texts
		}
		got, err := cleaned(raw, upper)
		if err != nil {
			return
		}
		if !json.Valid(got) {
			t.Errorf("%q became %q", raw, got)
		}
	})
}
