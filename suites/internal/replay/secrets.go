package replay

import "github.com/meshproof/meshproof/suites/internal/scenario"

// MakeSecrets makes what the Secrets of the selected scenarios hold, in their order: keys take seconds, which are better spent while pods start. A
// mistake shows where the Secret is needed.
func (r *Run) MakeSecrets(pages []scenario.Page) {
	for _, page := range pages {
		for _, s := range page.Scenarios {
			if r.Selected != nil && !r.Selected(s.ID) {
				continue
			}
			for _, secret := range s.Secrets() {
				_, _ = secret.Content()
			}
		}
	}
}
