package testbed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// diary is a Progress that writes down what it hears.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) write(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, text)
}

func (d *diary) Begin(phase string)                  { d.write("begin " + phase) }
func (d *diary) Detail(phase, text string)           { d.write(phase + ": " + text) }
func (d *diary) Say(phase, text string)              { d.write(phase + ": " + text) }
func (d *diary) Ask(phase string, now func() string) { d.write("asked " + phase + ": " + now()) }
func (d *diary) End(phase string, _ time.Duration, err error) {
	d.write(fmt.Sprintf("end %s %v", phase, err))
}

func TestPhasesRunInOrder(t *testing.T) {
	g := NewWithT(t)
	var progress diary
	nothing := func(context.Context) error { return nil }
	took, err := runPhases(t.Context(), []phase{
		{name: "last", do: nothing, after: []string{"second"}},
		{name: "second", do: nothing, after: []string{"first"}},
		{name: "first", do: nothing},
	}, &progress)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(progress.lines).To(Equal([]string{
		"begin first", "end first <nil>", "begin second", "end second <nil>", "begin last", "end last <nil>",
	}))
	g.Expect(took).To(HaveLen(3))
	g.Expect(took.sum("first", "none")).To(Equal(took["first"]))
}

func TestIndependentPhasesOverlap(t *testing.T) {
	g := NewWithT(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	here, there := make(chan struct{}), make(chan struct{})
	meet := func(mine, other chan struct{}) func(context.Context) error {
		return func(ctx context.Context) error {
			close(mine)
			select {
			case <-other:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	_, err := runPhases(ctx, []phase{{name: "one", do: meet(here, there)}, {name: "two", do: meet(there, here)}}, silent{})
	g.Expect(err).NotTo(HaveOccurred())
}

func TestTheFirstFailureEndsTheOthers(t *testing.T) {
	g := NewWithT(t)
	var progress diary
	broken := errors.New("no space left")
	began := make(chan struct{})
	_, err := runPhases(t.Context(), []phase{
		{name: "slow", do: func(ctx context.Context) error { close(began); <-ctx.Done(); return ctx.Err() }},
		{name: "broken", do: func(context.Context) error { <-began; return broken }},
		{name: "never", do: func(context.Context) error { return nil }, after: []string{"broken"}},
	}, &progress)
	g.Expect(err).To(MatchError(broken))
	g.Expect(err).To(MatchError("broken: no space left"))
	g.Expect(progress.lines).To(ContainElements("end slow context canceled", "end broken no space left"))
	g.Expect(progress.lines).NotTo(ContainElement("begin never"))
}

func TestAPhaseAfterOneThatIsNotThere(t *testing.T) {
	g := NewWithT(t)
	_, err := runPhases(t.Context(), []phase{{name: "one", after: []string{"two"}}}, silent{})
	g.Expect(err).To(MatchError(`phase "one" comes after "two", which is none of ["one"]`))
}

func TestThePhasesOfATestbedFit(t *testing.T) {
	g := NewWithT(t)
	list := (&builder{}).phases()
	for i := range list {
		list[i].do = func(context.Context) error { return nil }
	}
	var progress diary
	took, err := runPhases(t.Context(), list, &progress)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(took).To(HaveLen(len(list)))
	g.Expect(progress.lines[len(progress.lines)-1]).To(Equal("end fingerprint <nil>"), "a testbed is complete when all else is done")
}
