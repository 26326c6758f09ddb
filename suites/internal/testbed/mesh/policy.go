package mesh

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/meshproof/meshproof/suites/internal/scenario"
	"github.com/meshproof/meshproof/suites/internal/testbed/arrival"
)

// The mesh ConfigMap.
//
// Source: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/
const (
	meshConfigMap = "istio"
	meshConfigKey = "mesh"
	// beforeAnnotation holds the text as it was before the first edit, so that also a killed run can be taken back.
	beforeAnnotation = "meshproof.dev/mesh-before"
)

func (c *change) accessLogFile(ctx context.Context, action scenario.AccessLogFileAction) error {
	before, err := c.mesh.setAccessLogFile(ctx, action.Path)
	if err != nil {
		return err
	}
	if before != action.Path {
		c.undo = append(c.undo, func(ctx context.Context) error {
			_, err := c.mesh.setAccessLogFile(ctx, before)
			return err
		})
	}
	return nil
}

// setAccessLogFile edits the mesh ConfigMap and returns the file that it had; empty is none.
func (m *Mesh) setAccessLogFile(ctx context.Context, path string) (string, error) {
	var before string
	err := m.editMeshConfig(ctx, func(text string) (string, bool, error) {
		edited, had, err := withField(text, path, "accessLogFile")
		before = had
		return edited, had != path, err
	})
	if err != nil {
		return "", fmt.Errorf("set the access log file to %q: %w", path, err)
	}
	if before != path {
		m.mu.Lock()
		m.pending.logFile = &path
		m.mu.Unlock()
	}
	return before, nil
}

// meshConfigNow is what the ConfigMap says of the fields that are edited here.
func (m *Mesh) meshConfigNow(ctx context.Context) (meshConfig, error) {
	object, err := m.cluster.typed.CoreV1().ConfigMaps(controlPlane).Get(ctx, meshConfigMap, metav1.GetOptions{})
	if err != nil {
		return meshConfig{}, fmt.Errorf("read the ConfigMap %s/%s: %w", controlPlane, meshConfigMap, err)
	}
	return readMeshConfig(object.Data[meshConfigKey])
}

func readMeshConfig(text string) (meshConfig, error) {
	var held meshConfig
	if err := yaml.Unmarshal([]byte(text), &held); err != nil {
		return held, fmt.Errorf("read the mesh configuration: %w", err)
	}
	held.OutboundTrafficPolicy.Mode = cmp.Or(held.OutboundTrafficPolicy.Mode, scenario.AllowAny)
	return held, nil
}

func (c *change) outboundPolicy(ctx context.Context, action scenario.OutboundPolicyAction) error {
	before, err := c.mesh.setOutboundPolicy(ctx, action.Mode)
	if err != nil {
		return err
	}
	if before != action.Mode {
		c.undo = append(c.undo, func(ctx context.Context) error {
			_, err := c.mesh.setOutboundPolicy(ctx, before)
			return err
		})
	}
	return nil
}

// setOutboundPolicy edits the mesh ConfigMap and returns the mode that it had. Settle proves that istiod and the sidecars took it in.
func (m *Mesh) setOutboundPolicy(ctx context.Context, mode scenario.OutboundMode) (scenario.OutboundMode, error) {
	var before scenario.OutboundMode
	err := m.editMeshConfig(ctx, func(text string) (string, bool, error) {
		edited, had, err := withField(text, string(mode), "outboundTrafficPolicy", "mode")
		before = cmp.Or(scenario.OutboundMode(had), scenario.AllowAny) // Istio's own default
		return edited, before != mode, err
	})
	if err != nil {
		return "", fmt.Errorf("set the outbound traffic policy to %s: %w", mode, err)
	}
	if before != mode {
		m.mu.Lock()
		m.pending.policy = mode
		m.mu.Unlock()
	}
	return before, nil
}

// meshConfig merges a file into the mesh configuration. The undo merges the fields' former values: scenarios may have edited others meanwhile.
func (c *change) meshConfig(ctx context.Context, action scenario.MeshConfigAction) error {
	text, err := fs.ReadFile(c.files, action.File)
	if err != nil {
		return fmt.Errorf("read the mesh configuration: %w", err)
	}
	patch := map[string]any{}
	if err := yaml.Unmarshal(text, &patch); err != nil {
		return fmt.Errorf("read the mesh configuration %s: %w", action.File, err)
	}
	back, err := c.mesh.mergeMeshConfig(ctx, patch)
	if err != nil {
		return err
	}
	c.undo = append(c.undo, func(ctx context.Context) error {
		_, err := c.mesh.mergeMeshConfig(ctx, back)
		return err
	})
	return nil
}

// mergeMeshConfig merges a patch into the mesh ConfigMap and returns the patch that leads back. The mark of the edit is the proof that it arrives.
func (m *Mesh) mergeMeshConfig(ctx context.Context, patch map[string]any) (map[string]any, error) {
	var back map[string]any
	err := m.editMeshConfig(ctx, func(text string) (string, bool, error) {
		fields := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &fields); err != nil {
			return "", false, fmt.Errorf("read the mesh configuration: %w", err)
		}
		back = merge(fields, patch)
		edited, err := yaml.Marshal(fields)
		return string(edited), !sameMeaning(text, string(edited)), err //nolint:wrapcheck // wrapped below
	})
	if err != nil {
		return nil, fmt.Errorf("merge into the mesh configuration: %w", err)
	}
	return back, nil
}

// merge is a JSON merge patch; it returns the patch that leads back.
//
// Source: RFC 7386, section 2.
func merge(into, patch map[string]any) (back map[string]any) {
	back = map[string]any{}
	for name, value := range patch {
		was := into[name]
		fields, nested := value.(map[string]any)
		inner, there := was.(map[string]any)
		switch {
		case value == nil:
			delete(into, name)
		case nested && there:
			was = merge(inner, fields)
		default:
			into[name] = value
		}
		back[name] = was
	}
	return back
}

// withField sets one field in the text of a mesh configuration, or removes it where the value is empty, and leaves everything else as it is.
// Where nothing has to be changed the text stays to the letter.
func withField(text, value string, path ...string) (edited, before string, err error) {
	fields := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &fields); err != nil {
		return "", "", fmt.Errorf("read the mesh configuration: %w", err)
	}
	before, _, err = unstructured.NestedString(fields, path...)
	if err != nil {
		return "", "", fmt.Errorf("read the mesh configuration: %w", err)
	}
	switch {
	case before == value:
		return text, before, nil
	case value == "":
		unstructured.RemoveNestedField(fields, path...)
	default:
		if err := unstructured.SetNestedField(fields, value, path...); err != nil {
			return "", "", fmt.Errorf("write the mesh configuration: %w", err)
		}
	}
	out, err := yaml.Marshal(fields)
	if err != nil {
		return "", "", fmt.Errorf("write the mesh configuration: %w", err)
	}
	return string(out), before, nil
}

// editMeshConfig changes the text and marks it, so that settling knows this edit from those before. The first edit keeps the former text in an
// annotation; an edit that leads back to the same meaning brings that text back to the letter, but for the mark.
func (m *Mesh) editMeshConfig(ctx context.Context, edit func(text string) (edited string, changed bool, err error)) error {
	before, err := m.beforeMeshEdit(ctx)
	if err != nil {
		return err
	}
	mark, written := arrival.NewToken()+markHostSuffix, false
	err = m.updateMeshConfig(ctx, func(object *corev1.ConfigMap) error {
		if strings.Contains(object.Data[meshConfigKey], mark) {
			return nil // the answer to the update before was lost
		}
		text := withoutMark(object.Data[meshConfigKey])
		edited, changed, err := edit(text)
		if err != nil || !changed {
			return err
		}
		written = true
		if object.Annotations == nil {
			object.Annotations = map[string]string{}
		}
		if _, kept := object.Annotations[beforeAnnotation]; !kept {
			object.Annotations[beforeAnnotation] = text
		}
		if original := object.Annotations[beforeAnnotation]; sameMeaning(original, edited) {
			edited = original
		}
		object.Data[meshConfigKey] = withMark(edited, mark)
		return nil
	})
	if written {
		m.notedMeshEdit(before)
	}
	return err
}

func sameMeaning(a, b string) bool {
	first, err := yaml.YAMLToJSON([]byte(a))
	if err != nil {
		return false
	}
	second, err := yaml.YAMLToJSON([]byte(b))
	return err == nil && string(first) == string(second)
}

// restoreMeshConfig brings the text back that was there before the first edit, to the letter: without a mark.
//
// It asks nothing of a mesh that may be broken: where istiod does not answer, the edit is known by its text alone.
func (m *Mesh) restoreMeshConfig(ctx context.Context) error {
	err := m.updateMeshConfig(ctx, func(object *corev1.ConfigMap) error {
		original, kept := object.Annotations[beforeAnnotation]
		if !kept {
			return nil
		}
		var before meshEdit
		if pod, pushes, err := m.globalPushes(ctx); err == nil {
			before = meshEdit{istiod: pod, pushes: pushes}
		}
		changed := object.Data[meshConfigKey] != original
		object.Data[meshConfigKey] = original
		delete(object.Annotations, beforeAnnotation)
		restored, err := readMeshConfig(original)
		m.mu.Lock()
		m.pending.policy, m.pending.logFile = restored.OutboundTrafficPolicy.Mode, &restored.AccessLogFile
		m.mu.Unlock()
		if changed {
			m.notedMeshEdit(before)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("restore the mesh configuration: %w", err)
	}
	return nil
}

// updateMeshConfig reads, changes and writes the ConfigMap, and writes nothing where nothing was changed.
func (m *Mesh) updateMeshConfig(ctx context.Context, change func(*corev1.ConfigMap) error) error {
	maps := m.cluster.typed.CoreV1().ConfigMaps(controlPlane)
	err := until(ctx, callTimeout, nil, func(ctx context.Context) (string, error) {
		object, err := maps.Get(ctx, meshConfigMap, metav1.GetOptions{})
		if err != nil {
			return "", fmt.Errorf("read the ConfigMap %s/%s: %w", controlPlane, meshConfigMap, err)
		}
		before := object.DeepCopy()
		if err := change(object); err != nil {
			return "", err
		}
		if before.Data[meshConfigKey] == object.Data[meshConfigKey] && before.Annotations[beforeAnnotation] == object.Annotations[beforeAnnotation] {
			return "", nil
		}
		_, err = maps.Update(ctx, object, metav1.UpdateOptions{FieldManager: fieldManager})
		if apierrors.IsConflict(err) {
			return "somebody else changes it at the same time", nil
		}
		return "", err //nolint:wrapcheck // wrapped below
	})
	if err != nil {
		return fmt.Errorf("edit the ConfigMap %s/%s: %w", controlPlane, meshConfigMap, err)
	}
	return nil
}
