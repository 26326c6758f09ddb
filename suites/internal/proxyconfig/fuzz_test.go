package proxyconfig_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/meshproof/meshproof/suites/internal/proxyconfig"
)

// What a proxy answers is read by the walk in every scenario: whatever it is, it is an error or a configuration that can be asked.
func FuzzDump(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no dumps to begin with", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(_ *testing.T, dump []byte) {
		config, err := proxyconfig.Parse(dump)
		if err != nil {
			return
		}
		config.Warming()
		config.Draining()
		config.Rejected()
		config.Listener("0.0.0.0", 80)
		config.ClustersFor("example.com")
		config.Secret("default")
		config.EndpointsOf("outbound|80||example.com")
		proxyconfig.Diff(config.Inventory(), proxyconfig.Inventory{})
	})
}

// FuzzAnswers are those of the other pages of the admin interface.
func FuzzAnswers(f *testing.F) {
	for _, text := range []string{clustersText, clustersJSON, `{"stats":[{"name":"a","value":1}]}`, `{"certificates":[]}`, `{"listener_statuses":[]}`, `{"state":"LIVE"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(_ *testing.T, answer []byte) {
		_, _ = proxyconfig.ParseClusters(answer)
		_, _ = proxyconfig.ParseClustersText(answer)
		_, _ = proxyconfig.ParseStats(answer)
		_, _ = proxyconfig.ParseServerInfo(answer)
		_, _ = proxyconfig.ParseListeners(answer)
		_, _ = proxyconfig.ParseCerts(answer)
		proxyconfig.ParseClusterName(string(answer))
		proxyconfig.PushNumber(string(answer))
	})
}
