package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/meshproof/meshproof/suites/internal/probe"
)

// HaveContainers promises the containers that run in every pod of the answer, in any order: the ordinary ones and the native sidecars.
// A native sidecar is an init container with restartPolicy Always; column READY counts it, `.spec.containers` does not hold it.
//
// Source: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
func HaveContainers(names ...string) types.GomegaMatcher {
	return ofPods("HaveContainers", names, "the containers", func(p podContainers) []string { return slices.Concat(p.ordinary, p.sidecars) })
}

// HaveNativeSidecars promises the native sidecars of every pod of the answer, in any order; without names, that there are none.
func HaveNativeSidecars(names ...string) types.GomegaMatcher {
	return ofPods("HaveNativeSidecars", names, "the native sidecars", func(p podContainers) []string { return p.sidecars })
}

// podContainers are the names of the containers that run in a pod.
type podContainers struct{ ordinary, sidecars []string }

func (p podContainers) String() string {
	text := strings.Join(p.ordinary, ", ")
	if len(p.sidecars) > 0 {
		text += " and as native sidecars " + strings.Join(p.sidecars, ", ")
	}
	return text
}

func ofPods(constructor string, names []string, what string, of func(podContainers) []string) types.GomegaMatcher {
	wanted := slices.Sorted(slices.Values(names))
	return promise{
		name: named(constructor, anys(names)...), kind: objects,
		judge: func(e probe.Evidence) (finding, error) {
			found := finding{
				holds:  len(e.Objects) > 0,
				wanted: fmt.Sprintf("%s %s in every pod", what, orNone(wanted)), got: objectCount(e),
			}
			var got []string
			for _, object := range e.Objects {
				containers := containersOf(object)
				found.holds = found.holds && slices.Equal(slices.Sorted(slices.Values(of(containers))), wanted)
				got = append(got, containers.String())
			}
			if len(got) > 0 {
				found.got = strings.Join(got, "; ")
			}
			return found, nil
		},
	}
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "(none)"
	}
	return strings.Join(names, ", ")
}

var (
	ordinaryContainers = []step{{key: "spec"}, {key: "containers"}, {kind: everyElement}}
	initContainers     = []step{{key: "spec"}, {key: "initContainers"}, {kind: everyElement}}
)

func containersOf(pod probe.Object) podContainers {
	var p podContainers
	for _, container := range follow(map[string]any(pod), ordinaryContainers) {
		p.ordinary = append(p.ordinary, nameOf(container))
	}
	for _, container := range follow(map[string]any(pod), initContainers) {
		if printed(follow(container, []step{{key: "restartPolicy"}})) == "Always" {
			p.sidecars = append(p.sidecars, nameOf(container))
		}
	}
	return p
}

func nameOf(container any) string { return printed(follow(container, []step{{key: "name"}})) }
