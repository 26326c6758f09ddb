package reports

import (
	"fmt"
	"strings"
)

// SBOMFile is what the bill of materials of the testbed is called beside a report: CycloneDX, as JSON.
const SBOMFile = "sbom.cdx.json"

// Provenance is where something came from that ran in the testbed, and what speaks for it.
type Provenance struct {
	What     []string `json:"what"` // programs, packages and images
	In       []string `json:"in"`   // the images that hold them, "node", or "this machine"
	From     string   `json:"from"`
	Pinned   string   `json:"pinnedBy"`        // what tells that it is the same as before
	Verified string   `json:"verifiedAgainst"` // whom; or that nobody vouches for it
}

// KeepSBOM puts the bill of materials beside the report. It is written as it is: nothing in it was answered by a mesh.
func (j *Journal) KeepSBOM(text []byte) error {
	if err := j.root.WriteFile(SBOMFile, text, 0o644); err != nil {
		return unwritable(j.dir, err)
	}
	return nil
}

// markdownProvenance is a table that is closed.
func markdownProvenance(b *strings.Builder, all []Provenance) {
	if len(all) == 0 {
		return
	}
	b.WriteString("\n<details><summary>What ran, and where it came from</summary>\n\n| what, in | from | pinned by | verified against |\n|---|---|---|---|\n")
	for _, p := range all {
		fmt.Fprintf(b, "| %s<br>in %s | %s | %s | %s |\n", markdownText(strings.Join(p.What, ", ")), markdownText(strings.Join(p.In, ", ")),
			markdownText(p.From), markdownText(p.Pinned), markdownText(p.Verified))
	}
	b.WriteString("\n</details>\n")
}
