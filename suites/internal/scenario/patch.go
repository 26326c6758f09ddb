package scenario

// PatchAction is `kubectl patch deployment`. The undo puts the deployment's specification back as it was, field by field, and so its pods.
type PatchAction struct {
	Deployment ObjectRef // with its namespace
	Type       PatchType
	File       string // of the page, JSON or YAML
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

func (PatchAction) action() {}
func (PatchAction) change() {}

// Patch is `kubectl -n namespace patch deployment name`.
func Patch(namespace, name string, how PatchType, file string) Action {
	return PatchAction{Deployment: ObjectRef{Resource: "deployment", Name: name, Namespace: namespace}, Type: how, File: file}
}
