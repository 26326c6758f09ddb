package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/jsonpath"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// asTable asks the API server for the columns that kubectl prints.
//
// Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
const asTable = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

// get is kubectl get: the printed columns, the objects behind them, and kubectl's words where there are none.
func (m *Mesh) get(ctx context.Context, action scenario.GetAction, env scenario.Env) (probe.Evidence, error) {
	texts, err := expandAll([]string{action.Name, action.Selector, action.Namespace}, env)
	if err != nil {
		return probe.Evidence{}, err
	}
	action.Name, action.Selector, action.Namespace = texts[0], texts[1], texts[2]
	e := probe.Evidence{Table: &probe.Table{}}
	mapping, err := m.cluster.mappingFor(action.Resource)
	if meta.IsNoMatchError(errors.Unwrap(err)) {
		e.Command, e.Exit = kubectlGet(action, true), 1
		e.Stderr = fmt.Sprintf("error: the server doesn't have a resource type %q\n", action.Resource)
		return e, nil
	}
	if err != nil {
		return e, err
	}
	namespaced := mapping.Scope.Name() == meta.RESTScopeNameNamespace
	e.Command = kubectlGet(action, namespaced)
	if !namespaced {
		action.Namespace = ""
	}
	ctx, warned := collectWarnings(ctx)
	table, err := m.table(ctx, mapping, action)
	for _, text := range warned.list() {
		e.Stderr += "Warning: " + text + "\n"
	}
	var status apierrors.APIStatus
	switch {
	case errors.As(err, &status) && isRefusal(err):
		e.Exit = 1
		e.Stderr += fmt.Sprintf("Error from server (%s): %s\n", status.Status().Reason, status.Status().Message)
		return e, nil
	case err != nil:
		return e, fmt.Errorf("kubectl get %s: %w", action.Resource, err)
	}
	if err := fill(&e, table); err != nil {
		return e, err
	}
	if mapping.GroupVersionKind.GroupKind() == secretKind {
		e.Objects = namesOnly(e.Objects)
	}
	if len(e.Table.Rows) == 0 {
		e.Stderr += nothingFound(action.Namespace)
	}
	e.Stdout = printed(e.Table)
	e.Size = int64(len(e.Stdout))
	return e, nil
}

// nothingFound is what kubectl says of an empty list.
func nothingFound(namespace string) string {
	if namespace == "" {
		return "No resources found\n"
	}
	return fmt.Sprintf("No resources found in %s namespace.\n", namespace)
}

func kubectlGet(action scenario.GetAction, namespaced bool) []string { //nolint:revive // not a mode: a fact of the kind
	words := []string{"kubectl", "get", action.Resource}
	if action.Name != "" {
		words = append(words, action.Name)
	}
	if namespaced && action.Namespace != "" && action.Namespace != defaultNamespace {
		words = append(words, "-n", action.Namespace)
	}
	if action.Selector != "" {
		words = append(words, "-l", action.Selector)
	}
	return words
}

func (m *Mesh) table(ctx context.Context, mapping *meta.RESTMapping, action scenario.GetAction) (*metav1.Table, error) {
	request := m.cluster.typed.Discovery().RESTClient().Get().AbsPath(resourcePath(mapping.Resource, action.Namespace, action.Name)).
		SetHeader("Accept", asTable).Param("includeObject", string(metav1.IncludeObject))
	if action.Selector != "" {
		request = request.Param("labelSelector", action.Selector)
	}
	result := request.Do(ctx) // DoRaw would lose the warnings, and Raw the server's own words
	if err := result.Error(); err != nil {
		return nil, err //nolint:wrapcheck // get shows the server's own words
	}
	answer, err := result.Raw()
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	var table metav1.Table
	if err := json.Unmarshal(answer, &table); err != nil {
		return nil, fmt.Errorf("read the table: %w", err)
	}
	return &table, nil
}

// resourcePath is where the API server serves a resource.
//
// Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
func resourcePath(resource schema.GroupVersionResource, namespace, name string) string {
	parts := []string{"/apis", resource.Group, resource.Version}
	if resource.Group == "" {
		parts = []string{"/api", resource.Version}
	}
	if namespace != "" {
		parts = append(parts, "namespaces", namespace)
	}
	parts = append(parts, resource.Resource)
	if name != "" {
		parts = append(parts, name)
	}
	return strings.Join(parts, "/")
}

// fill takes the columns that kubectl prints without -o wide, and the objects.
func fill(e *probe.Evidence, table *metav1.Table) error {
	var shown []int
	for i, column := range table.ColumnDefinitions {
		if column.Priority == 0 {
			shown = append(shown, i)
			e.Table.Columns = append(e.Table.Columns, strings.ToUpper(column.Name))
		}
	}
	for _, row := range table.Rows {
		cells := make([]string, 0, len(shown))
		for _, i := range shown {
			cells = append(cells, cell(row.Cells, i))
		}
		e.Table.Rows = append(e.Table.Rows, cells)
		var object probe.Object
		if err := json.Unmarshal(row.Object.Raw, &object); err != nil {
			return fmt.Errorf("read the object of a row: %w", err)
		}
		e.Objects = append(e.Objects, object)
	}
	return nil
}

// namesOnly leaves of Secrets what may be kept: the names of their fields.
func namesOnly(secrets []probe.Object) []probe.Object {
	kept := make([]probe.Object, len(secrets))
	for i, secret := range secrets {
		kept[i] = withoutValues(&unstructured.Unstructured{Object: secret}).Object
	}
	return kept
}

func cell(cells []any, i int) string {
	if i >= len(cells) || cells[i] == nil {
		return ""
	}
	return fmt.Sprint(cells[i])
}

// printed is the table as kubectl shows it: columns three blanks apart.
func printed(table *probe.Table) string {
	if len(table.Rows) == 0 {
		return ""
	}
	widths := make([]int, len(table.Columns))
	lines := append([][]string{table.Columns}, table.Rows...)
	for _, line := range lines {
		for i, text := range line {
			widths[i] = max(widths[i], len(text))
		}
	}
	var out strings.Builder
	for _, line := range lines {
		for i, text := range line {
			if i == len(line)-1 {
				out.WriteString(text)
				continue
			}
			fmt.Fprintf(&out, "%-*s", widths[i]+3, text)
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// export is NAME=$(kubectl get … -o jsonpath=…). That nothing is there to export is an error: no later step could mean what it says.
func (m *Mesh) export(ctx context.Context, action scenario.ExportAction, env scenario.Env) (probe.Evidence, error) {
	e, err := m.get(ctx, action.From, env)
	if err != nil {
		return e, err
	}
	command := append(e.Command, "-o", "jsonpath="+action.JSONPath)
	if e.Exit != 0 {
		return e, fmt.Errorf("export %s: %s", action.Name, strings.TrimSpace(e.Stderr))
	}
	e.Objects = slices.DeleteFunc(e.Objects, isGoing)
	value, err := evaluate(action.JSONPath, source(action.From, e.Objects))
	if err != nil {
		return e, fmt.Errorf("export %s from %s: %w", action.Name, strings.Join(command, " "), err)
	}
	if value == "" {
		return e, fmt.Errorf("export %s: %s printed nothing", action.Name, strings.Join(command, " "))
	}
	return probe.Evidence{
		Command: command, Stdout: value, Stderr: e.Stderr, Size: int64(len(value)), Objects: e.Objects,
		Vars: map[string]string{action.Name: value},
	}, nil
}

// isGoing tells of an object that is being deleted: after a roll-out the pods of before may stay for a while, and nobody means them.
func isGoing(object probe.Object) bool {
	at, _, _ := unstructured.NestedString(object, "metadata", "deletionTimestamp")
	return at != ""
}

// source is what kubectl hands to a path: the object that was named, else a list.
func source(from scenario.GetAction, objects []probe.Object) any {
	if from.Name != "" && len(objects) == 1 {
		return map[string]any(objects[0])
	}
	items := make([]any, len(objects))
	for i, object := range objects {
		items[i] = map[string]any(object)
	}
	return map[string]any{"items": items}
}

// evaluate reads a field as kubectl -o jsonpath does.
func evaluate(path string, from any) (string, error) {
	parsed := jsonpath.New("export")
	if err := parsed.Parse(path); err != nil {
		return "", fmt.Errorf("read the path %s: %w", path, err)
	}
	var out strings.Builder
	if err := parsed.Execute(&out, from); err != nil {
		return "", fmt.Errorf("evaluate: %w", err)
	}
	return out.String(), nil
}
