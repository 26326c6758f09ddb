package replay_test

import (
	"errors"
	"testing"
	"testing/fstest"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/reports"
	"github.com/meshproof/meshproof/suites/internal/replay"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

func TestWhatAChangeApplied(t *testing.T) {
	files := fstest.MapFS{
		"entry.yaml": {Data: []byte("kind: ServiceEntry\nspec: {addresses: [${PROXY_IP}], hosts: [${UNKNOWN}]}\n")},
		"patch.json": {Data: []byte(`[{"op": "remove", "path": "/spec"}]`)},
	}
	env := scenario.Env{"PROXY_IP": "10.244.0.77"}
	expanded := "kind: ServiceEntry\nspec: {addresses: [10.244.0.77], hosts: [${UNKNOWN}]}\n"
	secret := func(err error) scenario.Change {
		return scenario.SecretAction{Secret: scenario.Secret{Name: "credential", TLS: true, Content: func() (map[string][]byte, error) {
			return map[string][]byte{"tls.key": []byte("the key"), "tls.crt": []byte("the certificate")}, err
		}}}
	}
	for name, c := range map[string]struct {
		change scenario.Change
		want   []reports.Manifest
	}{
		"apply":      {scenario.ApplyAction{Files: []string{"entry.yaml"}}, []reports.Manifest{{Does: "apply", Name: "entry.yaml", Text: expanded}}},
		"no file":    {scenario.ApplyAction{Files: []string{"missing.yaml"}}, nil},
		"delete":     {scenario.DeleteAction{Files: []string{"entry.yaml"}}, []reports.Manifest{{Does: "delete", Name: "entry.yaml", Text: expanded}}},
		"by name":    {scenario.DeleteAction{Objects: []scenario.ObjectRef{{Resource: "service", Name: "door"}}}, []reports.Manifest{{Does: "delete", Name: "service door"}}},
		"restart":    {scenario.RestartAction{Workload: scenario.Curl}, nil},
		"patch":      {scenario.Patch("istio-system", "gate", scenario.JSONPatch, "patch.json").(scenario.Change), []reports.Manifest{{Does: "patch deployment gate", Name: "patch.json", Text: `[{"op": "remove", "path": "/spec"}]`}}},
		"label":      {scenario.LabelNamespace("default", "istio-injection", "enabled").(scenario.Change), []reports.Manifest{{Does: "label", Name: "namespace default", Text: "istio-injection: \"enabled\"\n"}}},
		"policy":     {scenario.OutboundPolicyAction{Mode: scenario.RegistryOnly}, []reports.Manifest{{Does: "edit", Name: "configmap istio, mesh", Text: "outboundTrafficPolicy:\n  mode: REGISTRY_ONLY\n"}}},
		"access log": {scenario.AccessLogFileAction{Path: "/dev/stdout"}, []reports.Manifest{{Does: "edit", Name: "configmap istio, mesh", Text: "accessLogFile: \"/dev/stdout\"\n"}}},
		"merge":      {scenario.MeshConfigAction{File: "entry.yaml"}, []reports.Manifest{{Does: "merge into the mesh configuration", Name: "entry.yaml", Text: expanded}}},
		"install":    {scenario.InstallAction{Set: []string{"a=b", "c=d"}}, []reports.Manifest{{Does: "istioctl install", Name: "options", Text: "--set a=b\n--set c=d\n"}}},
		"secret":     {secret(nil), []reports.Manifest{{Does: "create", Name: "secret credential", Text: "type: kubernetes.io/tls\ndata:\n  tls.crt: (not shown)\n  tls.key: (not shown)\n"}}},
		"no secret":  {secret(errors.New("no randomness")), []reports.Manifest{{Does: "create", Name: "secret credential"}}},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(replay.AppliedBy(files, c.change, env)).To(Equal(c.want))
		})
	}
}
