package scenario

// Secret is a Kubernetes Secret. What it holds is made at run time (package certs), because a private key is part of no page.
type Secret struct {
	Namespace, Name string
	TLS             bool // of type kubernetes.io/tls, as `kubectl create secret tls` makes it; else Opaque
	// Content makes the Secret's keys and values. It may be asked at any time, and gives the same every time.
	Content func() (map[string][]byte, error)
}

// SecretAction is `kubectl create secret tls|generic`. One of that name that is there already is overwritten, as by
// `--dry-run=client -o yaml | kubectl apply -f -`. It has arrived when the pods that mount it show its content, and the proxies that serve with
// it, from istiod or from their own files, serve with what it holds now.
type SecretAction struct{ Secret Secret }

// SecretNeed asks for a Secret that is there before the scenario's workloads are started, so that a pod which mounts it has it from its first
// moment on: a kubelet takes about a minute to notice a change. A workload that the testbed started without it is started anew.
type SecretNeed struct{ Secret Secret }

func (SecretAction) action() {}
func (SecretAction) change() {}
func (SecretNeed) need()     {}

// CreateSecret is `kubectl create secret`.
func CreateSecret(s Secret) Action { return SecretAction{Secret: s} }

// Holding needs a Secret that the scenario's workloads mount.
func Holding(s Secret) Need { return SecretNeed{Secret: s} }

// Secrets are those that the scenario needs, and those that it makes.
func (s Scenario) Secrets() []Secret {
	var all []Secret
	for _, need := range s.Needs {
		if holding, ok := need.(SecretNeed); ok {
			all = append(all, holding.Secret)
		}
	}
	for _, step := range s.Steps {
		if made, ok := step.Do.(SecretAction); ok {
			all = append(all, made.Secret)
		}
	}
	return all
}
