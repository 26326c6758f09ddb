package reports

import (
	"encoding/json"
	"errors"
)

// redactStrings gives every string of a JSON text, keys of objects included, to redact and puts back what it returns. Whatever
// redact takes away, the rest stays JSON and in its order.
func redactStrings(raw []byte, redact func([]byte) []byte) ([]byte, error) {
	if !json.Valid(raw) {
		return nil, errors.New("what should be written is no JSON")
	}
	if redact == nil {
		return raw, nil
	}
	out := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		if raw[0] != '"' {
			out, raw = append(out, raw[0]), raw[1:]
			continue
		}
		end := stringEnd(raw)
		literal, err := redactString(raw[:end], redact)
		if err != nil {
			return nil, err
		}
		out, raw = append(out, literal...), raw[end:]
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

func redactString(literal []byte, redact func([]byte) []byte) ([]byte, error) {
	var text string
	if err := json.Unmarshal(literal, &text); err != nil {
		return nil, err
	}
	clean := string(redact([]byte(text)))
	if clean == text {
		return literal, nil
	}
	return json.Marshal(clean)
}
