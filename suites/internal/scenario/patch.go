package scenario

// PatchAction is `kubectl patch`. The undo puts the object back as it was, field by field, and so a deployment's pods.
type PatchAction struct {
	Object ObjectRef // with its namespace
	Type   PatchType
	File   string // of the page, JSON or YAML
}

// PatchType is how the API server merges a patch, as `kubectl patch --type` names it.
//
// Source: https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
type PatchType string

// The types that the pages use.
const (
	JSONPatch      PatchType = "json"      // a list of operations, RFC 6902
	StrategicPatch PatchType = "strategic" // a part of the object; containers and volumes are merged by name
)

// MeshConfigAction merges a file into the mesh configuration: fields are set, and those that are null removed (RFC 7386). The pages' own edits have
// actions of their own.
type MeshConfigAction struct{ File string }

func (PatchAction) action()      {}
func (PatchAction) change()      {}
func (MeshConfigAction) action() {}
func (MeshConfigAction) change() {}

// Patch is `kubectl -n namespace patch deployment name`.
func Patch(namespace, name string, how PatchType, file string) Action {
	return PatchAction{Object: ObjectRef{Resource: "deployment", Name: name, Namespace: namespace}, Type: how, File: file}
}
