package selection

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mostRows is how many rows a matrix may have: more than that is a product that nobody meant. CI systems stop there as well
// (https://docs.github.com/en/actions/reference/limits).
const mostRows = 256

// RowKnobs are the knobs that a row may set, in the order in which a product varies them: the last one first.
func RowKnobs() []string {
	return []string{"ISTIO", "KUBERNETES", "ENVOY", "COMPATIBILITY", "IMAGES", "ENGINE"}
}

// Row is one mesh of a matrix: the knobs that differ from those of the environment.
type Row struct {
	Name  string // in the table, and of the folder of its report
	Knobs map[string]string
}

// String is the row as a list has it: "istio=1.31.0 envoy=1.39.3". A row that sets nothing is "default".
func (r Row) String() string {
	var words []string
	for _, knob := range RowKnobs() {
		if value, ok := r.Knobs[knob]; ok {
			words = append(words, strings.ToLower(knob)+"="+value)
		}
	}
	if len(words) == 0 {
		return "default"
	}
	return strings.Join(words, " ")
}

// Rows reads the rows of a matrix: out of a file in YAML, or out of a list such as "istio=A kubernetes=B; istio=A". An entry of the file sets knobs; where it
// gives several values, it is all combinations of them but those that an item of `exclude` is part of. What is unknown, empty or there twice is an error.
func Rows(versions string) ([]Row, error) {
	raw, err := os.ReadFile(versions)
	var rows []Row
	switch {
	case versions == "":
		return nil, errors.New("a matrix needs rows: VERSIONS=FILE, or a list such as VERSIONS='istio=A kubernetes=B; istio=C'")
	case err == nil:
		if rows, err = rowsOf(raw); err != nil {
			err = fmt.Errorf("%s: %w", versions, err)
		}
	case errors.Is(err, fs.ErrNotExist) && strings.Contains(versions, "="):
		rows, err = listed(versions)
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("VERSIONS=%q is neither a file nor a list such as 'istio=A kubernetes=B; istio=C'", versions)
	default:
		err = fmt.Errorf("the rows of the matrix cannot be read: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return named(rows)
}

// listed are the rows of a list on the command line.
func listed(text string) ([]Row, error) {
	var rows []Row
	for entry := range strings.SplitSeq(text, ";") {
		row := Row{Knobs: map[string]string{}}
		for word := range strings.FieldsSeq(entry) {
			key, value, _ := strings.Cut(word, "=")
			if key == "name" {
				row.Name = value
				continue
			}
			knob, err := knobOf(key)
			if err != nil {
				return nil, err
			}
			if value == "" || row.Knobs[knob] != "" {
				return nil, fmt.Errorf("%q gives %s no value, or two", strings.TrimSpace(entry), key)
			}
			row.Knobs[knob] = value
		}
		if strings.TrimSpace(entry) != "" {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// rowsOf are the rows of a file: one entry, or a list of them.
func rowsOf(raw []byte) ([]Row, error) {
	var file yaml.Node
	if err := yaml.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	var entries []map[string]yaml.Node
	err := file.Decode(&entries)
	if len(file.Content) > 0 && file.Content[0].Kind == yaml.MappingNode {
		entries = make([]map[string]yaml.Node, 1)
		err = file.Decode(&entries[0])
	}
	if err != nil {
		return nil, fmt.Errorf("an entry is a row, such as {istio: A, kubernetes: B}, and the file one or a list of them: %w", err)
	}
	var rows []Row
	for i, entry := range entries {
		product, err := productOf(entry)
		if err != nil {
			return nil, fmt.Errorf("entry %d %w", i+1, err)
		}
		if rows = append(rows, product...); len(rows) > mostRows {
			return nil, fmt.Errorf("entry %d: that makes more than %d rows", i+1, mostRows)
		}
	}
	return rows, nil
}

// productOf are the rows of an entry.
func productOf(entry map[string]yaml.Node) ([]Row, error) {
	var name string
	var exclude []map[string]string
	values := map[string][]string{}
	for _, key := range slices.Sorted(maps.Keys(entry)) {
		node := entry[key]
		var err error
		switch key {
		case "name":
			err = node.Decode(&name)
		case "exclude":
			err = node.Decode(&exclude)
		default:
			err = addValues(values, key, &node)
		}
		if err != nil {
			return nil, fmt.Errorf("(%s): %w", key, err)
		}
	}
	rows := []Row{{Name: name, Knobs: map[string]string{}}}
	for _, knob := range RowKnobs() {
		if rows = times(rows, knob, values[knob]); len(rows) > mostRows {
			return nil, fmt.Errorf("makes more than %d rows", mostRows)
		}
	}
	if name != "" && len(rows) > 1 {
		return nil, fmt.Errorf("makes %d rows and gives them one name: leave it out, their names are made of their versions", len(rows))
	}
	return without(rows, exclude)
}

// addValues takes the values of a knob, one or several. They are texts as they are written: 1.30 is no number.
func addValues(values map[string][]string, key string, node *yaml.Node) error {
	knob, err := knobOf(key)
	if err != nil {
		return err
	}
	var all []string
	if node.Kind == yaml.SequenceNode {
		err = node.Decode(&all)
	} else {
		all = make([]string, 1)
		err = node.Decode(&all[0])
	}
	switch {
	case err != nil:
		return err
	case values[knob] != nil:
		return errors.New("it is there twice")
	case len(all) == 0 || slices.Contains(all, ""):
		return errors.New("it has no value")
	}
	values[knob] = all
	return nil
}

// times are the rows with each of the values; without one they stay.
func times(rows []Row, knob string, values []string) []Row {
	if len(values) == 0 {
		return rows
	}
	var out []Row
	for _, row := range rows {
		for _, value := range values {
			knobs := maps.Clone(row.Knobs)
			knobs[knob] = value
			out = append(out, Row{row.Name, knobs})
		}
	}
	return out
}

// without leaves out the rows that have all that an item of exclude says. An item that no row has is a mistake.
func without(rows []Row, exclude []map[string]string) ([]Row, error) {
	for i, item := range exclude {
		before := len(rows)
		knobs := map[string]string{}
		for key, value := range item {
			knob, err := knobOf(key)
			if err != nil {
				return nil, fmt.Errorf("(exclude): %w", err)
			}
			knobs[knob] = value
		}
		rows = slices.DeleteFunc(rows, func(row Row) bool { return row.has(knobs) })
		if len(rows) == before || len(rows) == 0 {
			return nil, fmt.Errorf("(exclude): item %d leaves out all rows, or none", i+1)
		}
	}
	return rows, nil
}

// has tells whether the row says all of that.
func (r Row) has(knobs map[string]string) bool {
	for knob, value := range knobs {
		if r.Knobs[knob] != value {
			return false
		}
	}
	return true
}

// knobOf is the knob that a key names, in small letters or large ones.
func knobOf(key string) (string, error) {
	knob := strings.ToUpper(key)
	if slices.Contains(RowKnobs(), knob) {
		return knob, nil
	}
	known := strings.ToLower(strings.Join(RowKnobs(), ", ")) + ", name"
	if near := Near(strings.ToLower(key), strings.Split(known, ", ")); len(near) > 0 {
		return "", fmt.Errorf("there is no %q in a row; did you mean %s?", key, near[0])
	}
	return "", fmt.Errorf("there is no %q in a row; it has %s", key, known)
}

var (
	rowName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+_-]{0,99}$`)
	noName  = regexp.MustCompile(`[^0-9A-Za-z.+_-]+`)
)

// named gives every row a name that no other has. Rows that are the same mesh are an error.
func named(rows []Row) ([]Row, error) {
	if len(rows) == 0 {
		return nil, errors.New("the matrix has no rows")
	}
	for i := range rows {
		row := &rows[i]
		if row.Name == "" {
			row.Name = strings.Trim(noName.ReplaceAllString(strings.ReplaceAll(row.String(), "=", "-"), "-"), "-")
		}
		if !rowName.MatchString(row.Name) {
			return nil, fmt.Errorf("row %d (%s) needs another name than %q: up to 100 letters, digits and .+_-, the first a letter or digit", i+1, row, row.Name)
		}
		for k, other := range rows[:i] {
			if maps.Equal(other.Knobs, row.Knobs) {
				return nil, fmt.Errorf("rows %d and %d are the same: %s", k+1, i+1, row)
			}
			if other.Name == row.Name {
				return nil, fmt.Errorf("rows %d and %d are both called %s: give one another name", k+1, i+1, row.Name)
			}
		}
	}
	return rows, nil
}
