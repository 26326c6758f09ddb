package main

import (
	"errors"
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
