package replay

import (
	"os"
	"testing"
	"time"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Coming is what a run knows of the scenarios to come.
func Coming(r *Run, page scenario.Page, s scenario.Scenario) *scenario.Coming {
	return r.coming(page, s)
}

// Lead puts in front of a failure what is strange about the mesh.
func Lead(r *Run, result *reports.Result) { r.lead(result) }

// The fake bed converges at once: what is not true soon will never be.
func TestMain(m *testing.M) {
	limits[scenario.Converge] = limit{Attempts: 1, Timeout: 150 * time.Millisecond, Grace: 50 * time.Millisecond, InARow: 3}
	os.Exit(m.Run())
}

// What the report shows beside the verdicts.
var (
	PathOf    = pathOf
	AppliedBy = appliedBy
)
