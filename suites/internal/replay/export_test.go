package replay

import (
	"os"
	"testing"
	"time"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// The fake bed converges at once: what is not true soon will never be.
func TestMain(m *testing.M) {
	limits[scenario.Converge] = limit{Timeout: 150 * time.Millisecond, Grace: 50 * time.Millisecond, InARow: 3}
	os.Exit(m.Run())
}
