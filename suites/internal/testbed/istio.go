package testbed

import (
	"context"
	"fmt"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
	"github.com/meshproof/meshproof/suites/internal/testbed/mesh"
)

const (
	// sidecarContainer is the name of the proxy's container, in sidecars and gateways.
	sidecarContainer = "istio-proxy"
	// bundleFolder holds the authorities that a proxy trusts where a DestinationRule names none.
	// Source: istio/pkg/security, GetOSRootFilePath.
	bundleFolder = "/etc/ssl/certs"
	// trustTemplate is the injection template that puts the outside world's root there.
	trustTemplate = "outside-world"
	// readinessTimeout is how long istioctl waits for each component.
	readinessTimeout = "180s"
)

// setting is one value of the IstioOperator file. The reason is given where it differs from a default install.
type setting struct {
	path   string // below spec, separated by dots
	value  any
	reason string
}

// Reasons that several settings share.
const (
	smallMachine = "the testbed fits 2 cores"
	noMetricsAPI = "there is no metrics API to scale by"
	stockProxy   = "the proxies are upstream's Envoy, which lacks Istio's extensions"
	outsideTrust = "the pages' DestinationRules trust the system's authorities: in this testbed that is the outside world's"
)

// trustPatch mounts the root of the outside world over the system's bundle of a sidecar, which is an init container where sidecars
// are native and a container elsewhere, as in Istio's own template.
// Source: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#custom-templates-experimental
const trustPatch = `{{- $native := ne (index .ObjectMeta.Annotations ` + "`sidecar.istio.io/nativeSidecar`" + ` | default (printf "%t" .NativeSidecars)) "false" }}
spec:
  {{ if $native }}initContainers{{ else }}containers{{ end }}:
  - name: ` + sidecarContainer + `
    volumeMounts:
    - name: ` + fixtures.TrustConfigMap + `-bundle
      mountPath: ` + bundleFolder + `
      readOnly: true
  volumes:
  - name: ` + fixtures.TrustConfigMap + `-bundle
    configMap:
      name: ` + fixtures.TrustConfigMap + `
      optional: true
`

// settings are all that is asked of istioctl beside its default profile.
func settings(set images.Set, compatibility string) []setting {
	all := []setting{
		{"hub", set.IstioHub, ""},
		{"tag", set.IstioTag, ""},
		{"components.egressGateways", []any{gateway("istio-egressgateway")}, "the egress pages need the gateway that the default profile leaves out"},
		{"components.ingressGateways", []any{gateway("istio-ingressgateway")}, "a gateway is asked each second, not every other one, whether it is ready"},
		{"meshConfig.accessLogFile", "/dev/stdout", "the pages ask for access logs"},
		{"meshConfig.outboundTrafficPolicy.mode", "ALLOW_ANY", ""}, // the default, written out because a page changes it
		{"meshConfig.defaultConfig.fileFlushInterval", "0.010s", "a line of an access log is written after 10 ms, not after Envoy's 1 s"},
		{"meshConfig.defaultConfig.terminationDrainDuration", "0.5s", "a pod that is replaced is gone after 0.5 s, not after 5 s of draining"},
		{
			"meshConfig.defaultConfig.proxyStatsMatcher.inclusionPrefixes",
			[]any{"listener."},
			"the proxies count connections by listener: that one passed, or failed its handshake, is proven by numbers",
		},
		{"values.pilot.env.PILOT_DEBOUNCE_AFTER", "10ms", "istiod sends a change when it has been quiet for 10 ms, not for 100 ms"},
		{"values.pilot.env.GOGC", HeapGrowth, "istiod's garbage is collected less often"},
		{"values.global.imagePullPolicy", "IfNotPresent", ""},
		{"values.global.proxy.resources.requests", requests("5m", "32Mi"), smallMachine},
		{"values.pilot.resources.requests", requests("10m", "128Mi"), smallMachine},
		{"values.pilot.autoscaleEnabled", false, noMetricsAPI},
		{"values.sidecarInjectorWebhook.templates." + trustTemplate, trustPatch, outsideTrust},
		{"values.sidecarInjectorWebhook.defaultTemplates", []any{"sidecar", trustTemplate}, ""}, // said above
	}
	for _, gateway := range []string{"istio-ingressgateway", "istio-egressgateway"} {
		values := "values.gateways." + gateway + "."
		all = append(all,
			setting{values + "resources.requests", requests("5m", "32Mi"), smallMachine},
			setting{values + "autoscaleEnabled", false, noMetricsAPI},
			setting{values + "configVolumes", []any{map[string]any{
				"name": fixtures.TrustConfigMap, "mountPath": bundleFolder, "configMapName": fixtures.TrustConfigMap,
			}}, outsideTrust},
		)
	}
	if compatibility != "" {
		all = append(all, setting{"compatibilityVersion", compatibility, "asked for with COMPATIBILITY: defaults are those of that version"})
	}
	if set.StockEnvoy {
		all = append(all,
			setting{"values.telemetry.enabled", false, stockProxy},
			setting{"values.pilot.env.PILOT_ENABLE_METADATA_EXCHANGE", "false", stockProxy},
			setting{"values.pilot.env.PILOT_ENABLE_ALPN_FILTER", "false", stockProxy},
			setting{"values.pilot.env.PILOT_DISABLE_MX_ALPN", "true", stockProxy},
		)
	}
	return all
}

// gateway is a component that is installed, its readiness asked for as in Istio's own chart but twice as often.
func gateway(name string) map[string]any {
	return map[string]any{"name": name, "enabled": true, "k8s": map[string]any{"readinessProbe": map[string]any{
		"httpGet":             map[string]any{"path": "/healthz/ready", "port": int64(15021), "scheme": "HTTP"},
		"initialDelaySeconds": int64(0), "failureThreshold": int64(30), "periodSeconds": int64(1), "successThreshold": int64(1), "timeoutSeconds": int64(1),
	}}}
}

func requests(cpu, memory string) map[string]any { return map[string]any{"cpu": cpu, "memory": memory} }

// operator is the file for istioctl install.
// Source: https://istio.io/latest/docs/reference/config/istio.operator.v1alpha1/
func operator(set images.Set, compatibility string) ([]byte, error) {
	file := map[string]any{
		"apiVersion": "install.istio.io/v1alpha1",
		"kind":       "IstioOperator",
		"metadata":   map[string]any{"namespace": istioSystem},
		"spec":       map[string]any{"profile": "default"},
	}
	for _, s := range settings(set, compatibility) {
		if err := unstructured.SetNestedField(file, s.value, strings.Split("spec."+s.path, ".")...); err != nil {
			return nil, fmt.Errorf("write the IstioOperator file: %w", err)
		}
	}
	return yaml.Marshal(file)
}

// istioDeviations are the settings that differ from a default install.
func istioDeviations(set images.Set, compatibility string) []string {
	var all []string
	for _, s := range settings(set, compatibility) {
		if s.reason == "" {
			continue
		}
		all = append(all, "Istio: "+s.short()+": "+s.reason)
	}
	return all
}

// short is path and value in one line; a value that is a text of its own is left out.
func (s setting) short() string {
	switch value := s.value.(type) {
	case string, bool:
		if text := fmt.Sprint(value); !strings.Contains(text, "\n") {
			return s.path + "=" + text
		}
	case map[string]any:
		return fmt.Sprintf("%s cpu=%v memory=%v", s.path, value["cpu"], value["memory"])
	}
	return s.path
}

// installIstio runs istioctl install, the way Istio documents.
// Source: https://istio.io/latest/docs/setup/install/istioctl/
func (b *builder) installIstio(ctx context.Context) error {
	text, err := operator(b.Set, b.compatibility)
	if err != nil {
		return err
	}
	if err := os.WriteFile(b.OperatorFile(), text, 0o600); err != nil {
		return fmt.Errorf("keep the IstioOperator file: %w", err)
	}
	log, err := os.Create(b.home.file(istioLogFile))
	if err != nil {
		return fmt.Errorf("keep what istioctl says: %w", err)
	}
	defer func() { _ = log.Close() }()
	_, err = engine.Command{
		Args: []string{b.Set.Istioctl, "install", "-y", "-f", b.OperatorFile(), "--kubeconfig", b.Kubeconfig, "--readiness-timeout", readinessTimeout},
		Tee:  log,
	}.Run(ctx)
	return err
}

// recordInstalled keeps what the mesh consists of, for Bed.Differences.
func (b *builder) recordInstalled(ctx context.Context) (err error) {
	if b.Installed, err = mesh.ReadInstalled(ctx, b.Kubeconfig); err != nil {
		return err
	}
	return b.home.write(installedFile, b.Installed)
}
