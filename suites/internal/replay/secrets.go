package replay

// MakeSecrets makes what the Secrets of the selected scenarios hold, in their order: keys take seconds, which are better spent while pods start. A
// mistake shows where the Secret is needed.
func (r *Run) MakeSecrets() {
	for _, page := range r.Pages {
		for _, s := range r.selected(page.Scenarios) {
			for _, secret := range s.Secrets() {
				_, _ = secret.Content()
			}
		}
	}
}
