package replay

// MakeSecrets makes what the Secrets of the selected scenarios hold, in their order: keys take seconds, which are better spent while pods start. A
// mistake shows where the Secret is needed.
func (r *Run) MakeSecrets() {
	for _, page := range r.Pages {
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
