package replay

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/probe"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// appliedBy is the YAML of a change, as it reaches the API server; of a change that the page makes without a file, what it comes to. What a Secret
// holds is not shown: its keys are named.
func appliedBy(files fs.FS, change scenario.Change, env scenario.Env) []reports.Manifest {
	switch c := change.(type) {
	case scenario.ApplyAction:
		does := "apply"
		if c.KubeInject {
			does = "apply, after istioctl kube-inject"
		}
		return manifests(files, does, c.Files, env)
	case scenario.DeleteAction:
		return append(manifests(files, "delete", c.Files, env), deleted(c)...)
	case scenario.PatchAction:
		return manifests(files, fmt.Sprintf("patch %s %s", c.Object.Resource, c.Object.Name), []string{c.File}, env)
	case scenario.LabelAction:
		return []reports.Manifest{{Does: "label", Name: c.Object.Resource + " " + c.Object.Name, Text: labels(c.Labels)}}
	case scenario.OutboundPolicyAction:
		return meshConfig(fmt.Sprintf("outboundTrafficPolicy:\n  mode: %s\n", c.Mode))
	case scenario.AccessLogFileAction:
		return meshConfig(fmt.Sprintf("accessLogFile: %q\n", c.Path))
	case scenario.MeshConfigAction:
		return manifests(files, "merge into the mesh configuration", []string{c.File}, env)
	case scenario.InstallAction:
		return []reports.Manifest{{Does: "istioctl install", Name: "options", Text: lines("--set ", c.Set)}}
	case scenario.SecretAction:
		return []reports.Manifest{{Does: "create", Name: "secret " + c.Secret.Name, Text: secret(c.Secret)}}
	case scenario.RestartAction:
		return nil
	}
	return nil
}

// manifests are files of the page. One that cannot be read is left out: the change itself says so.
func manifests(files fs.FS, does string, names []string, env scenario.Env) []reports.Manifest {
	var all []reports.Manifest
	for _, name := range names {
		if files == nil {
			return nil
		}
		if text, err := fs.ReadFile(files, name); err == nil {
			all = append(all, reports.Manifest{Does: does, Name: name, Text: probe.Expand(string(text), env)})
		}
	}
	return all
}

func deleted(c scenario.DeleteAction) []reports.Manifest {
	var all []reports.Manifest
	for _, object := range c.Objects {
		all = append(all, reports.Manifest{Does: "delete", Name: object.Resource + " " + object.Name})
	}
	return all
}

func meshConfig(text string) []reports.Manifest {
	return []reports.Manifest{{Does: "edit", Name: "configmap istio, mesh", Text: text}}
}

func labels(of map[string]string) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(of)) {
		all = append(all, fmt.Sprintf("%s: %q", key, of[key]))
	}
	return lines("", all)
}

func secret(s scenario.Secret) string {
	kind := "Opaque"
	if s.TLS {
		kind = "kubernetes.io/tls"
	}
	content, err := s.Content()
	if err != nil {
		return "" // the change itself says so
	}
	return "type: " + kind + "\ndata:\n" + lines("  ", keys(content))
}

func keys(content map[string][]byte) []string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(content)) {
		all = append(all, key+": (not shown)")
	}
	return all
}

func lines(prefix string, texts []string) string {
	var b strings.Builder
	for _, text := range texts {
		b.WriteString(prefix + text + "\n")
	}
	return b.String()
}
