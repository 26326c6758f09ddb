package reports

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Seconds is a duration that JSON shows as seconds with milliseconds.
type Seconds time.Duration

// MarshalJSON writes 1.5 s as 1.500.
func (s Seconds) MarshalJSON() ([]byte, error) { return []byte(s.decimal()), nil }

// UnmarshalJSON reads a number of seconds. What is no number, or more than a time.Duration can hold, is an error.
func (s *Seconds) UnmarshalJSON(raw []byte) error {
	var seconds float64
	if err := json.Unmarshal(raw, &seconds); err != nil {
		return fmt.Errorf("a time in seconds was expected, not %s: %w", raw, err)
	}
	if math.Abs(seconds) > math.MaxInt64/float64(time.Second) {
		return fmt.Errorf("%s seconds are more than a duration can hold", raw)
	}
	*s = Seconds(time.Duration(math.Round(seconds*1000)) * time.Millisecond)
	return nil
}

// String is for people: 0 s, 7 ms, 1.2 s, 74 s, 12 min 5 s.
func (s Seconds) String() string {
	d := time.Duration(s)
	switch {
	case d == 0:
		return "0 s"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}

// decimal is the form of report.json and junit.xml.
func (s Seconds) decimal() string {
	return strconv.FormatFloat(time.Duration(s).Round(time.Millisecond).Seconds(), 'f', 3, 64)
}
