package reports

import (
	"fmt"
	"strings"
)

// NotAsInstalled is what comes in front of a failure on a mesh that differs from what was installed: "the mesh is not as installed: …". It names the first
// differences and counts the rest, which the report's header has. It is empty where there are none.
func NotAsInstalled(differences []string) string {
	const named = 2
	if len(differences) == 0 {
		return ""
	}
	text := "the mesh is not as installed: " + strings.Join(differences[:min(named, len(differences))], "; ")
	if more := len(differences) - named; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return oneLine(text)
}

// led is a text about a result with what comes in front of it.
func (r *Result) led(text string) string {
	if r.NotAsInstalled == "" {
		return text
	}
	return r.NotAsInstalled + ". " + text
}

// strangeMesh is what speaks against a report about a mesh that somebody else has changed; nil where nobody has.
func (r Report) strangeMesh() *objection {
	if len(r.Testbed.NotAsInstalled) == 0 {
		return nil
	}
	return &objection{
		id: AcceptedMesh, sentence: "the mesh was not as installed: " + oneLine(strings.Join(r.Testbed.NotAsInstalled, "; ")),
		wayOut: ": replay on one that is (`make sweep` for what runs left, else `make down`), or accept it with ACCEPT_MESH=1",
	}
}
