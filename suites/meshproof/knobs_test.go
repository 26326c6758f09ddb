package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

func TestKnobsThatNobodyUnderstandsAreRefusedBeforeAnythingBegins(t *testing.T) {
	for name, test := range map[string]struct{ images, engine, says string }{
		"said for another": {"dockerhub", "", `IMAGES="dockerhub" is not known, did you mean registry? it is one of auto, registry, packages and archive:FILE`},
		"mistyped":         {"regstry", "", `IMAGES="regstry" is not known, did you mean registry? it is one of auto, registry, packages and archive:FILE`},
		"no file":          {"archive", "", `IMAGES="archive" is not known, did you mean archive:FILE? it is one of auto, registry, packages and archive:FILE`},
		"like nothing":     {"warehouse-of-images", "", `IMAGES="warehouse-of-images" is not known; it is one of auto, registry, packages and archive:FILE`},
		"an engine":        {"", "foo", `ENGINE="foo" is not known, did you mean auto? it is one of auto, podman and docker`},
		"mistyped engine":  {"auto", "dokcer", `ENGINE="dokcer" is not known, did you mean docker? it is one of auto, podman and docker`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("IMAGES", test.images)
			t.Setenv("ENGINE", test.engine)
			t.Setenv("OUT", t.TempDir()) // nothing of it may be written
			for _, verb := range []string{"knobs", "e2e", "up", "doctor", "drill", "mutate"} {
				g := NewWithT(t)
				err := execute(t, verb)
				g.Expect(err).To(MatchError(test.says), verb)
				var usage usageError
				g.Expect(errors.As(err, &usage)).To(BeTrue(), "exit code 2")
			}
		})
	}
	t.Setenv("IMAGES", "archive:/somewhere")
	t.Setenv("ENGINE", "podman")
	NewWithT(t).Expect(execute(t, "knobs")).To(Succeed())
}

func execute(t *testing.T, verb string) error {
	t.Helper()
	cmd := command()
	cmd.SetArgs([]string{verb})
	return cmd.ExecuteContext(t.Context())
}

func TestVersionsThatCannotBeHadAreRefusedBeforeAnythingBegins(t *testing.T) {
	for name, test := range map[string]struct{ images, knob, version, says string }{
		"unknown":                      {"", "ENVOY", "1.2.3", `ENVOY="1.2.3" is not known`},
		"half of one":                  {"packages", "ENVOY", "1.39", `ENVOY="1.39" is not known, did you mean 1.39.3? it is one of 1.40.0, 1.39.3, `},
		"as Kubernetes says it itself": {"packages", "KUBERNETES", "v1.35.4", `KUBERNETES="v1.35.4" is not known, did you mean 1.35.4? it is one of 1.36.3, 1.37.2 and 1.35.4`},
		"an Istio by its commit alone": {"packages", "ISTIO", "b01690e6db7d", `ISTIO="b01690e6db7d" is not known, did you mean 1.31.0-b01690e6db7d? it is one of 1.31.0-`},
		"of official images":           {"registry", "ENVOY", "1.39.3", "registry has one version of each component, the one that is in it: leave ENVOY=1.39.3 out, or take IMAGES=packages"},
		"of images in an archive":      {"archive:FILE", "KUBERNETES", "1.35.4", "archive:FILE has one version of each component"},
		"the default of another one":   {"registry", "ENVOY", "1.40.0", "leave ENVOY=1.40.0 out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("IMAGES", test.images)
			t.Setenv(test.knob, test.version)
			t.Setenv("OUT", t.TempDir())
			expectRefusals(t, test.says)
		})
	}
	t.Setenv("COMPATIBILITY", "1.99")
	err := execute(t, "knobs")
	NewWithT(t).Expect(err).To(MatchError(MatchRegexp(`^COMPATIBILITY="1\.99" is not known.* it is one of 1\.30, .* and 1\.25$`)), "as the module of Istio has them")
	var usage usageError
	NewWithT(t).Expect(errors.As(err, &usage)).To(BeTrue(), "exit code 2")
	t.Setenv("COMPATIBILITY", "1.30")
	NewWithT(t).Expect(execute(t, "knobs")).To(Succeed())
	for _, images := range []string{"", "auto", "packages"} {
		t.Setenv("IMAGES", images)
		t.Setenv("ENVOY", "1.39.3")
		NewWithT(t).Expect(execute(t, "knobs")).To(Succeed())
	}
}

// expectRefusals has every verb refuse the knobs, as wrong usage.
func expectRefusals(t *testing.T, says string) {
	t.Helper()
	for _, verb := range []string{"knobs", "e2e", "up", "images", "drill"} {
		g := NewWithT(t)
		err := execute(t, verb)
		g.Expect(err).To(MatchError(ContainSubstring(says)), verb)
		var usage usageError
		g.Expect(errors.As(err, &usage)).To(BeTrue(), "exit code 2")
	}
}

func TestCandidatesThatCannotBeTakenAreRefusedBeforeAnythingBegins(t *testing.T) {
	for name, test := range map[string]struct{ images, istio, kubernetes, says string }{
		"an unknown version":     {"registry", "1.30.0", "", "no Istio 1.30.0 is known to the source registry; there is 1."},
		"an unknown Kubernetes":  {"registry", "", "v1.20.0", "no Kubernetes v1.20.0 is known to the source registry; there is v1."},
		"a hub without a tag":    {"", "r.example/rc", "", `ISTIO="r.example/rc" cannot be taken (it has no tag and is no folder): it is HUB:TAG`},
		"an image from packages": {"packages", "r.example/rc:1", "", "the source packages builds what it has, and ISTIO=r.example/rc:1 names images: take IMAGES=registry for them"},
		"one beside an archive":  {"archive:FILE", "r.example/rc:1", "", "archive:FILE has one version of each component"},
		"an empty folder":        {"auto", t.TempDir(), "", ": the folder lacks pilot.tar: a build is the program istioctl, pilot.tar and proxyv2.tar"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("IMAGES", test.images)
			t.Setenv("ISTIO", test.istio)
			t.Setenv("KUBERNETES", test.kubernetes)
			t.Setenv("OUT", t.TempDir())
			expectRefusals(t, test.says)
		})
	}
	t.Setenv("ISTIO", "r.example/rc:1")
	t.Setenv("KUBERNETES", "kindest/node:v1.35.0")
	for _, images := range []string{"", "auto", "registry"} {
		t.Setenv("IMAGES", images)
		NewWithT(t).Expect(execute(t, "knobs")).To(Succeed())
	}
	NewWithT(t).Expect(commandLine("e2e", "ISTIO", "KUBERNETES")).To(Equal("make e2e ISTIO='r.example/rc:1' KUBERNETES='kindest/node:v1.35.0'"))
}

func TestTheVersionsAreListedWithWhatIsCached(t *testing.T) {
	g := NewWithT(t)
	t.Setenv("MESHPROOF_CACHE", filepath.Join(t.TempDir(), "missing"))
	var out bytes.Buffer
	g.Expect(listVersions(t.Context(), &out)).To(Succeed())
	g.Expect(out.String()).To(MatchRegexp(`(?m)^packages  Envoy  +1\.40\.0  +default  not cached$`))
	g.Expect(out.String()).To(MatchRegexp(`(?m)^packages  Envoy  +1\.39\.3  +not cached$`))
	g.Expect(out.String()).To(MatchRegexp(`(?m)^packages  Istio  +1\.\S+  +default  not cached$`))
	g.Expect(out.String()).To(MatchRegexp(`\nCOMPATIBILITY  1\.\d+, .*1\.\d+\n$`))
	g.Expect(out.String()).To(MatchRegexp(`(?m)^registry  Kubernetes  v1\.\S+  +default  not cached$`))
}
