package scripts

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"
)

// beside are the modules of versions that are kept beside the default ones: they are to stay as they are.
var beside = regexp.MustCompile(`^/fixtures/images/packages/(istio|kubernetes)-`)

// What runs with the most rights comes from the nested modules and the pinned wheels: none of them may be watched by nobody.
func TestEveryPinIsWatched(t *testing.T) {
	g := NewWithT(t)
	text, err := os.ReadFile("../.github/dependabot.yml")
	g.Expect(err).NotTo(HaveOccurred())
	var config struct {
		Updates []struct {
			Ecosystem   string   `json:"package-ecosystem"`
			Directory   string   `json:"directory"`
			Directories []string `json:"directories"`
		} `json:"updates"`
	}
	g.Expect(yaml.Unmarshal(text, &config)).To(Succeed())
	watched := map[string][]string{}
	for _, update := range config.Updates {
		watched[update.Ecosystem] = append(append(watched[update.Ecosystem], update.Directories...), update.Directory)
	}
	for file, ecosystem := range map[string]string{"go.mod": "gomod", "requirements.txt": "pip"} {
		for _, dir := range slices.DeleteFunc(foldersWith(t, file), beside.MatchString) {
			g.Expect(watched[ecosystem]).To(ContainElement(dir), "%s of %s", file, dir)
		}
	}
}

// foldersWith are the folders of the repository with a file of that name, from its root, which is "/".
func foldersWith(t *testing.T, name string) (folders []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == "bin" || entry.Name() == ".git") {
			return fs.SkipDir
		}
		if err == nil && entry.Name() == name {
			dir, err := filepath.Rel("..", filepath.Dir(path))
			folders = append(folders, filepath.Join("/", dir))
			return err
		}
		return err
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(folders).NotTo(BeEmpty())
	return folders
}
