package mesh

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// variable is a shell variable as the pages write it.
var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expand replaces the page's shell variables in text. One that nothing exported is an error that names it: an empty text in its place
// would be applied, or asked, as if it were meant.
func expand(text string, env scenario.Env) (string, error) {
	expanded := probe.Expand(text, env)
	// A value may hold what looks like a variable; only the text itself is asked for.
	for _, found := range variable.FindAllStringSubmatch(text, -1) {
		if _, known := env[found[1]]; !known {
			return "", fmt.Errorf("nothing exported ${%s} before this step", found[1])
		}
	}
	return expanded, nil
}

func expandAll(texts []string, env scenario.Env) ([]string, error) {
	expanded := make([]string, len(texts))
	for i, text := range texts {
		var err error
		if expanded[i], err = expand(text, env); err != nil {
			return nil, err
		}
	}
	return expanded, nil
}

// readManifest reads one file of a page: variables expanded, one object per YAML document, lists taken apart.
func readManifest(files fs.FS, name string, env scenario.Env) ([]*unstructured.Unstructured, error) {
	text, err := readExpanded(files, name, env)
	if err != nil {
		return nil, err
	}
	objects, err := decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", name, err)
	}
	return objects, nil
}

// readExpanded reads one file of a page, with the variables expanded.
func readExpanded(files fs.FS, name string, env scenario.Env) (string, error) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return "", fmt.Errorf("read the manifest: %w", err)
	}
	expanded, err := expand(string(text), env)
	if err != nil {
		return "", fmt.Errorf("manifest %s: %w", name, err)
	}
	return expanded, nil
}

// decode reads the documents of a YAML text.
func decode(text []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for number := 1; ; number++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("split the documents: %w", err)
		}
		found, err := decodeDocument(document)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		objects = append(objects, found...)
	}
	if len(objects) == 0 {
		return nil, errors.New("it holds no object")
	}
	return objects, nil
}

func decodeDocument(document []byte) ([]*unstructured.Unstructured, error) {
	fields := map[string]any{}
	if err := yaml.UnmarshalStrict(document, &fields); err != nil {
		return nil, fmt.Errorf("read the YAML: %w", err)
	}
	if len(fields) == 0 {
		return nil, nil // a comment alone
	}
	object := &unstructured.Unstructured{Object: normal(fields)}
	if object.GetKind() == "" || object.GetAPIVersion() == "" {
		return nil, errors.New("an object needs a kind and an apiVersion")
	}
	if !object.IsList() {
		if object.GetName() == "" {
			return nil, fmt.Errorf("the %s has no name", object.GetKind())
		}
		return []*unstructured.Unstructured{object}, nil
	}
	list, err := object.ToList()
	if err != nil {
		return nil, fmt.Errorf("read the list: %w", err)
	}
	objects := make([]*unstructured.Unstructured, len(list.Items))
	for i := range list.Items {
		objects[i] = &list.Items[i]
	}
	return objects, nil
}

// normal has whole numbers as int64, as the API machinery wants them.
func normal(fields map[string]any) map[string]any {
	for name, value := range fields {
		fields[name] = normalValue(value)
	}
	return fields
}

func normalValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		return normal(v)
	case []any:
		for i := range v {
			v[i] = normalValue(v[i])
		}
	case float64:
		if whole := int64(v); float64(whole) == v {
			return whole
		}
	}
	return value
}

func decodeBase64(text string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.TrimSpace(text)) //nolint:wrapcheck // the caller knows what it is
}

// serverFields are what the API server writes itself.
var serverFields = []string{"resourceVersion", "uid", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"}

// written is an object as somebody wrote it, without what the API server added, so that it can be created once more.
func written(object *unstructured.Unstructured) *unstructured.Unstructured {
	copied := object.DeepCopy()
	unstructured.RemoveNestedField(copied.Object, "status")
	metadata, _, _ := unstructured.NestedMap(copied.Object, "metadata")
	for name := range metadata {
		if slices.Contains(serverFields, name) {
			delete(metadata, name)
		}
	}
	copied.Object["metadata"] = metadata
	return copied
}
