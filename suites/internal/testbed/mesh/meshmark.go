package mesh

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// An edit of the mesh configuration is marked by a setting for a host that nobody has, because istiod tells no version of what it holds: without
// the mark, the state before two edits that cancel each other out would pass for the state after them.
//
// Source: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ServiceSettings
const (
	meshMark       = "serviceSettings: [{settings: {clusterLocal: true}, hosts: [%s]}]"
	markHostSuffix = ".settle.meshproof.invalid"
)

// meshMarkLine is the mark with the line break that came with it: behind it, or before it where the text ends without one.
var meshMarkLine = func() *regexp.Regexp {
	mark := fmt.Sprintf(regexp.QuoteMeta(meshMark), "[a-z0-9]+"+regexp.QuoteMeta(markHostSuffix))
	return regexp.MustCompile(`(?m:^)` + mark + `\n|\n` + mark + `$`)
}()

func withMark(text, mark string) string {
	line := fmt.Sprintf(meshMark, mark)
	if text != "" && !strings.HasSuffix(text, "\n") {
		return text + "\n" + line
	}
	return text + line + "\n"
}

// withoutMark is the text to the letter as it was.
func withoutMark(text string) string { return meshMarkLine.ReplaceAllString(text, "") }

// meshEdit is an edit of the mesh configuration that istiod may not have pushed yet.
type meshEdit struct {
	istiod types.UID // who was asked for pushes
	pushes uint64    // how many proxies had been pushed a new mesh configuration before the edit
}

// beforeMeshEdit proves the edit before to have arrived and reads the count that the next one will be known by.
func (m *Mesh) beforeMeshEdit(ctx context.Context) (meshEdit, error) {
	m.mu.Lock()
	earlier := m.pending.meshEdit
	m.mu.Unlock()
	if earlier != nil {
		// A count that still grows by the edit before would prove nothing about this one.
		if err := m.awaitMeshConfig(ctx, &pendingChanges{meshEdit: earlier}); err != nil {
			return meshEdit{}, err
		}
		if err := m.awaitProxies(ctx, newPending()); err != nil {
			return meshEdit{}, err
		}
	}
	pod, pushes, err := m.globalPushes(ctx)
	return meshEdit{istiod: pod, pushes: pushes}, err
}

// notedMeshEdit has settling wait for an edit, also for one that failed: it may have been written all the same.
func (m *Mesh) notedMeshEdit(edit meshEdit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending.meshEdit = &edit
	m.generation++
}

// stampMeshConfig marks a text that something else has written: istioctl, or the way back from it.
func (m *Mesh) stampMeshConfig(ctx context.Context) error {
	return m.editMeshConfig(ctx, func(text string) (string, bool, error) { return text, true, nil })
}

// awaitMeshConfig waits until istiod holds the edited mesh configuration and has begun to push it: what istiod shows as its configuration is
// not yet what its pushes are made from.
func (m *Mesh) awaitMeshConfig(ctx context.Context, pending *pendingChanges) error {
	if pending.meshEdit == nil {
		return nil
	}
	wanted, err := m.meshConfigNow(ctx)
	if err != nil {
		return err
	}
	err = until(ctx, arrivalTimeout, nil, func(ctx context.Context) (string, error) {
		return m.istiodLacksMeshConfig(ctx, wanted.mark(), pending)
	})
	if err != nil {
		return fmt.Errorf("istiod has not pushed the newest mesh configuration: %w", err)
	}
	return nil
}

func (m *Mesh) istiodLacksMeshConfig(ctx context.Context, mark string, pending *pendingChanges) (string, error) {
	held, err := m.istiod.meshConfig(ctx)
	if err != nil {
		return "", err
	}
	if held.mark() != mark {
		return fmt.Sprintf("it holds the edit %q, not %q", held.mark(), mark), nil
	}
	if mode := held.OutboundTrafficPolicy.Mode; pending.policy != "" && mode != pending.policy {
		return fmt.Sprintf("the outbound traffic policy is %s, not %s", mode, pending.policy), nil
	}
	if file := held.AccessLogFile; pending.logFile != nil && file != *pending.logFile {
		return fmt.Sprintf("the access log file is %q, not %q", file, *pending.logFile), nil
	}
	pod, pushes, err := m.globalPushes(ctx)
	if err != nil {
		return "", err
	}
	if pod == pending.meshEdit.istiod && pushes <= pending.meshEdit.pushes {
		return "no push has been made for it", nil
	}
	return "", nil
}
