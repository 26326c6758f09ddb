package reports

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Clean takes out of texts what must not be written (private keys, control characters) and returns as many. They follow each other, like the
// lines of a log, so that it sees what spans several.
type Clean func(texts []string) []string

// cleaned gives every string of a JSON text, keys of objects included, to clean and puts back what it returns: the strings that an
// array begins with together, every other one alone. Whatever clean takes away, the rest stays JSON and in its order.
func cleaned(raw []byte, clean Clean) ([]byte, error) {
	if !json.Valid(raw) {
		return nil, errors.New("what should be written is no JSON")
	}
	if clean == nil {
		return raw, nil
	}
	var compact bytes.Buffer // without spaces, what follows a string tells whether another one does
	if err := json.Compact(&compact, raw); err != nil {
		return nil, err
	}
	raw = compact.Bytes()
	out := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		if raw[0] != '"' {
			out, raw = append(out, raw[0]), raw[1:]
			continue
		}
		first := raw[:stringEnd(raw)]
		raw = raw[len(first):]
		literals := [][]byte{first}
		for len(out) > 0 && out[len(out)-1] == '[' && bytes.HasPrefix(raw, []byte(`,"`)) {
			next := raw[1 : 1+stringEnd(raw[1:])]
			literals, raw = append(literals, next), raw[1+len(next):]
		}
		clean, err := cleanedLiterals(literals, clean)
		if err != nil {
			return nil, err
		}
		out = append(out, clean...)
	}
	return out, nil
}

// stringEnd is the index after the closing quote of the JSON string that raw begins with.
func stringEnd(raw []byte) int {
	for i := 1; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(raw)
}

// cleanedLiterals are the JSON strings, cleaned, with commas between.
func cleanedLiterals(literals [][]byte, clean Clean) ([]byte, error) {
	texts := make([]string, len(literals))
	for i, literal := range literals {
		if err := json.Unmarshal(literal, &texts[i]); err != nil {
			return nil, err
		}
	}
	for i, text := range clean(texts) {
		if text == texts[i] {
			continue // as it was spelled
		}
		var err error
		if literals[i], err = json.Marshal(text); err != nil {
			return nil, err
		}
	}
	return bytes.Join(literals, []byte(",")), nil
}
