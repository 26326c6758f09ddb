package match

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// service is what `kubectl get service my-wikipedia` brings back.
func service() probe.Evidence {
	return probe.Evidence{
		Table: &probe.Table{
			Columns: []string{"NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"},
			Rows:    [][]string{{"my-wikipedia", "ClusterIP", "10.96.0.7", "<none>", "443/TCP", "1s"}},
		},
		Objects: []probe.Object{{
			"metadata": map[string]any{
				"name": "my-wikipedia", "labels": map[string]any{"kubernetes.io/service-name": "my-wikipedia", "a.b": "c"},
			},
			"spec": map[string]any{"ports": []any{
				map[string]any{"name": "tls", "port": int64(443)}, map[string]any{"name": "http", "port": float64(80)},
			}},
		}},
		Vars: map[string]string{"CLUSTER_IP": "10.96.0.7"},
	}
}

func pods(rows ...[]string) probe.Evidence {
	return probe.Evidence{Table: &probe.Table{Columns: []string{"NAME", "READY", "STATUS"}, Rows: rows}}
}

var (
	nothingFound = probe.Evidence{Table: &probe.Table{}, Stderr: "No resources found in default namespace.\n"}
	gone         = probe.Evidence{Exit: 1, Table: &probe.Table{}, Stderr: `Error from server (NotFound): services "my-wikipedia" not found`}
	unreachable  = probe.Evidence{Exit: 1, Table: &probe.Table{}, Stderr: "The connection to the server was refused"}
)

func TestHaveColumn(t *testing.T) {
	check(t, map[string]judged{
		"exactly":             {promise: HaveColumn("EXTERNAL-IP", "<none>"), on: service(), holds: true, unlike: `wanted anything but one row with EXTERNAL-IP "<none>", got "<none>"`},
		"with the variable":   {promise: HaveColumn("CLUSTER-IP", "${CLUSTER_IP}"), on: service(), holds: true},
		"by a matcher":        {promise: HaveColumn("CLUSTER-IP", MatchRegexp(`^\d+\.`)), on: service(), holds: true},
		"another":             {promise: HaveColumn("TYPE", "ExternalName"), on: service(), failure: `wanted one row with TYPE "ExternalName", got "ClusterIP"`},
		"no such column":      {promise: HaveColumn("PORTS", "443/TCP"), on: service(), failure: `wanted one row with PORTS "443/TCP", got no such column, but NAME, TYPE, CLUSTER-IP, EXTERNAL-IP, PORT(S), AGE`},
		"no row":              {promise: HaveColumn("TYPE", "ClusterIP"), on: gone, failure: `wanted one row with TYPE "ClusterIP", got 0 rows: Error from server (NotFound): services "my-wikipedia" not found`},
		"more rows than one":  {promise: HaveColumn("READY", "1/1"), on: pods([]string{"a", "1/1"}, []string{"b", "1/1"}), failure: `wanted one row with READY "1/1", got 2 rows (a, b)`},
		"an empty wanted one": {promise: HaveColumn("TYPE", nil), on: service(), misuse: "it needs a wanted value"},
	})
}

func TestHaveRows(t *testing.T) {
	check(t, map[string]judged{
		"as many":            {promise: HaveRows(1), on: service(), holds: true},
		"none for a label":   {promise: HaveRows(0), on: nothingFound, holds: true},
		"none by name":       {promise: HaveRows(0), on: gone, holds: true},
		"another number":     {promise: HaveRows(2), on: service(), failure: "wanted 2 rows, got 1 row (my-wikipedia)"},
		"none, wanted one":   {promise: HaveRows(1), on: nothingFound, failure: "wanted 1 row, got 0 rows: No resources found in default namespace."},
		"none for no answer": {promise: HaveRows(0), on: unreachable, failure: `wanted 0 rows, got no answer (exit 1: "The connection to the server was refused")`},
	})
}

func TestBeGone(t *testing.T) {
	check(t, map[string]judged{
		"not found":      {promise: BeGone(), on: gone, holds: true, unlike: `wanted anything but no such object (NotFound), got 0 rows: Error from server (NotFound): services "my-wikipedia" not found`},
		"nothing found":  {promise: BeGone(), on: nothingFound, holds: true},
		"still there":    {promise: BeGone(), on: service(), failure: "wanted no such object (NotFound), got 1 row (my-wikipedia)"},
		"merely failed":  {promise: BeGone(), on: unreachable, failure: `wanted no such object (NotFound), got no answer (exit 1: "The connection to the server was refused")`},
		"nothing at all": {promise: BeGone(), on: probe.Evidence{}, failure: "wanted no such object (NotFound), got no answer (exit 0: nothing)"},
	})
}

func TestBeReady(t *testing.T) {
	check(t, map[string]judged{
		"every row":      {promise: BeReady("2/2"), on: pods([]string{"a", "2/2"}, []string{"b", "2/2"}), holds: true},
		"one is not":     {promise: BeReady("1/1"), on: pods([]string{"a", "1/1"}, []string{"b", "0/1"}), failure: "wanted READY 1/1 in every row, got a 1/1, b 0/1"},
		"no rows":        {promise: BeReady("1/1"), on: nothingFound, failure: "wanted READY 1/1 in every row, got 0 rows: No resources found in default namespace."},
		"no such column": {promise: BeReady("1/1"), on: service(), failure: "wanted READY 1/1 in every row, got no such column, but NAME, TYPE, CLUSTER-IP, EXTERNAL-IP, PORT(S), AGE"},
	})
}

func TestHaveJSONPath(t *testing.T) {
	check(t, map[string]judged{
		"a name":             {promise: HaveJSONPath("{.metadata.name}", "my-wikipedia"), on: service(), holds: true},
		"without braces":     {promise: HaveJSONPath("metadata.name", HavePrefix("my-")), on: service(), holds: true},
		"escaped dots":       {promise: HaveJSONPath(`{.metadata.labels.kubernetes\.io/service-name}`, "my-wikipedia"), on: service(), holds: true},
		"quoted":             {promise: HaveJSONPath(`{.metadata.labels['a.b']}`, "c"), on: service(), holds: true},
		"an index":           {promise: HaveJSONPath("{.spec.ports[0].port}", 443), on: service(), holds: true},
		"all":                {promise: HaveJSONPath("{.spec.ports[*].port}", "443 80"), on: service(), holds: true},
		"an object":          {promise: HaveJSONPath("{.spec.ports[1]}", `{"name":"http","port":80}`), on: service(), holds: true},
		"by a field's value": {promise: HaveJSONPath(`{.spec.ports[?(@.name == "http")].port}`, 80), on: service(), holds: true},
		"in single quotes":   {promise: HaveJSONPath("{.spec.ports[?(@.name=='tls')]}", `{"name":"tls","port":443}`), on: service(), holds: true},
		"nothing of a value": {promise: HaveJSONPath(`{.spec.ports[?(@.name == "tcp")].port}`, 31400), on: service(), failure: `wanted {.spec.ports[?(@.name == "tcp")].port} 31400, got nothing`},
		"no such field":      {promise: HaveJSONPath("{.spec.clusterIP}", BeEmpty()), on: service(), holds: true},
		"beyond the list":    {promise: HaveJSONPath("{.spec.ports[2].port}", Dash), on: service(), holds: true},
		"another":            {promise: HaveJSONPath("{.spec.ports[0].name}", "http"), on: service(), failure: `wanted {.spec.ports[0].name} "http", got "tls"`},
		"not there":          {promise: HaveJSONPath("{.spec.type}", "ClusterIP"), on: service(), failure: `wanted {.spec.type} "ClusterIP", got nothing`},
		"no object":          {promise: HaveJSONPath("{.spec.type}", "a"), on: gone, failure: `wanted one object with a field {.spec.type}, got none: Error from server (NotFound): services "my-wikipedia" not found`},
		"more than one":      {promise: HaveJSONPath("{.a}", "a"), on: probe.Evidence{Objects: make([]probe.Object, 2)}, failure: "wanted one object with a field {.a}, got 2 objects"},
		"a comparison":       {promise: HaveJSONPath("{.spec.ports[?(@.port > 80)]}", "a"), on: service(), misuse: `the path "{.spec.ports[?(@.port > 80)]}" cannot be read from "[?(@.port > 80)]" on`},
		"an empty path":      {promise: HaveJSONPath("{}", "a"), on: service(), misuse: `the path "{}" is empty`},
	})
}

func TestHaveContainersAndHaveNativeSidecars(t *testing.T) {
	container := func(name string) map[string]any { return map[string]any{"name": name} }
	sidecar := map[string]any{"name": "istio-proxy", "restartPolicy": "Always"}
	pod := func(containers, inits []any) probe.Evidence {
		return probe.Evidence{Objects: []probe.Object{{"spec": map[string]any{"containers": containers, "initContainers": inits}}}}
	}
	plain := pod([]any{container("curl")}, []any{container("init")})
	native := pod([]any{container("curl")}, []any{container("istio-init"), sidecar})
	classic := pod([]any{container("curl"), container("istio-proxy")}, []any{container("istio-init")})
	check(t, map[string]judged{
		"one":                  {promise: HaveContainers("curl"), on: plain, holds: true},
		"a native sidecar":     {promise: HaveContainers("curl", "istio-proxy"), on: native, holds: true, unlike: "wanted anything but the containers curl, istio-proxy in every pod, got curl and as native sidecars istio-proxy"},
		"a classic sidecar":    {promise: HaveContainers("istio-proxy", "curl"), on: classic, holds: true},
		"one too many":         {promise: HaveContainers("curl"), on: native, failure: "wanted the containers curl in every pod, got curl and as native sidecars istio-proxy"},
		"one too few":          {promise: HaveContainers("curl", "istio-proxy"), on: plain, failure: "wanted the containers curl, istio-proxy in every pod, got curl"},
		"no pod":               {promise: HaveContainers("curl"), on: nothingFound, failure: "wanted the containers curl in every pod, got none: No resources found in default namespace.\n"},
		"the sidecar alone":    {promise: HaveNativeSidecars("istio-proxy"), on: native, holds: true},
		"no sidecar":           {promise: HaveNativeSidecars(), on: classic, holds: true},
		"a sidecar, unwanted":  {promise: HaveNativeSidecars(), on: native, failure: "wanted the native sidecars (none) in every pod, got curl and as native sidecars istio-proxy"},
		"a sidecar, not there": {promise: HaveNativeSidecars("istio-proxy"), on: classic, failure: "wanted the native sidecars istio-proxy in every pod, got curl, istio-proxy"},
	})
}
