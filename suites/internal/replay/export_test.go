package replay

import (
	"os"
	"testing"
	"time"

	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Ahead is what a run has prepared when a page begins.
func Ahead(r *Run, page scenario.Page) []scenario.Need { return r.ahead(page) }

// The fake bed converges at once: what is not true soon will never be.
func TestMain(m *testing.M) {
	limits[scenario.Converge] = limit{Timeout: 150 * time.Millisecond, Grace: 50 * time.Millisecond, InARow: 3}
	os.Exit(m.Run())
}
