// Package pagecheck holds what the test of every page asks of its page.
package pagecheck

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"

	"github.com/meshproof/meshproof/fixtures"
	"github.com/meshproof/meshproof/suites/internal/catalogue"
	"github.com/meshproof/meshproof/suites/internal/scenario"
)

// Complete tells what a page lacks to be valid, to ask for stand-ins that there are, and to have the scenarios that the catalogue lists below the
// prefix, in its order. Those beyond the documents may stand anywhere among them.
func Complete(page scenario.Page, prefix string) error {
	if err := scenario.Validate(page); err != nil {
		return fmt.Errorf("page %s: %w", page.Name, err)
	}
	if err := sites(page); err != nil {
		return fmt.Errorf("page %s: %w", page.Name, err)
	}
	var documented, beyond []string
	for _, s := range page.Scenarios {
		if len(s.Doc.Reports) > 0 {
			beyond = append(beyond, s.ID)
		} else {
			documented = append(documented, s.ID)
		}
	}
	if wanted := catalogue.Under(catalogue.All(), prefix); !slices.Equal(documented, wanted) {
		return fmt.Errorf("page %s has the scenarios\n%q, the catalogue has\n%q", page.Name, documented, wanted)
	}
	if wanted := catalogue.Under(catalogue.Beyond(), prefix); !slices.Equal(beyond, wanted) {
		return fmt.Errorf("page %s has, beyond the documents,\n%q, the catalogue has\n%q", page.Name, beyond, wanted)
	}
	return nil
}

// sites tells which hosts the scenarios need that no stand-in serves.
func sites(page scenario.Page) error {
	var missing []error
	for _, s := range page.Scenarios {
		for _, need := range s.Needs {
			site, ok := need.(scenario.SiteNeed)
			if !ok {
				continue
			}
			if _, known := fixtures.SiteByHost(site.Host); !known {
				missing = append(missing, fmt.Errorf("%s needs the site %q, which is not in the table of stand-ins (fixtures.Sites)", s.ID, site.Host))
			}
		}
	}
	return errors.Join(missing...)
}

var imageLine = regexp.MustCompile(`(?m)^\s+(?:- )?image: (\S+)`)

// Images tells which images the manifests name beside the known ones. It is an error as well when they name none.
func Images(manifests fs.FS, known ...string) error {
	found := 0
	err := fs.WalkDir(manifests, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(manifests, name)
		for _, match := range imageLine.FindAllStringSubmatch(string(text), -1) {
			found++
			if !slices.Contains(known, match[1]) {
				return fmt.Errorf("%s names the image %s, which is none of %q", name, match[1], known)
			}
		}
		return err
	})
	if err == nil && found == 0 {
		return errors.New("no manifest names an image")
	}
	return err
}
