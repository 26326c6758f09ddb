package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/suites/internal/testbed/engine"
)

// Finding is one thing that was looked at before anything is built.
type Finding = engine.Finding

// Doctor looks whether this machine can run the testbed, and what a run would wait for, and says of each thing what to do if it cannot. It changes
// nothing; a registry has few seconds to answer.
func Doctor(ctx context.Context, o Options) []Finding {
	b, err := newBuilder(o)
	if err != nil {
		return []Finding{{Subject: "options", Saw: "not usable", Fix: err.Error()}}
	}
	official := make(chan []Finding, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { official <- officialToday(ctx, o.Images) }()
	findings := b.lookAtMachine(ctx)
	source, pieces, about := b.lookAtImages(ctx)
	missing := images.Forecast(pieces, runtime.GOMAXPROCS(0))
	for _, f := range <-official {
		f.Spare = source != images.Registry || missing == ""
		about = append(about, f)
	}
	return append(append(findings, about...), lookAtCache(pieces, missing)...)
}

// lookAtMachine is about engine, machine and a cluster that stands.
func (b *builder) lookAtMachine(ctx context.Context) []Finding {
	scratch, err := os.MkdirTemp("", "meshproof-doctor-")
	if err != nil {
		return []Finding{{Subject: "folder for temporary files", Saw: "not usable", Fix: err.Error()}}
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	e, err := findEngine(ctx, b.options.Engine, scratch)
	if err != nil {
		return []Finding{{Subject: "engine", Saw: "none that works", Fix: err.Error()}}
	}
	findings := []Finding{{Subject: "engine", Saw: e.String() + " starts privileged containers"}}
	for _, w := range e.Workarounds {
		findings = append(findings, Finding{Subject: "work-around", Saw: w.String()})
	}
	machine := b.machine(e)
	there, err := b.home.standing(ctx, e)
	if err != nil {
		return append(append(findings, machine...), Finding{Subject: "cluster", Saw: b.Name, Fix: err.Error()})
	}
	for _, f := range machine {
		f.Spare = there.node != nil // what a cluster takes has been taken
		findings = append(findings, f)
	}
	return append(findings, b.lookAtCluster(there)...)
}

// lookAtCluster is about the cluster of ours that stands, if one does.
func (b *builder) lookAtCluster(there standing) []Finding {
	policies := Finding{Subject: "network policies", Saw: "whether they are enforced is proven when a testbed comes up"}
	switch {
	case there.node == nil:
		return []Finding{{Subject: "cluster", Saw: "none of ours stands"}, policies}
	case !there.owner.Complete:
		return []Finding{{Subject: "cluster", Saw: b.Name + " of ours stands, unfinished: the next run makes it anew"}, policies}
	}
	b.node = there.node.Name
	if b.home.read(setFile, &b.Set) != nil {
		b.Set = images.Set{} // nobody knows what it is made of
	}
	var why string
	switch err := b.home.read(policiesFile, &why); {
	case err == nil && why == "":
		policies.Saw = "enforced, as cluster " + b.Name + " has proven"
	case err == nil:
		policies = Finding{Subject: policies.Subject, Saw: why, Fix: "what a policy blocks is unverifiable on this kernel; IMAGES=packages brings another agent", Spare: true}
	}
	return []Finding{{Subject: "cluster", Saw: b.Name + " of ours stands, and is used where it fits"}, policies}
}

// lookAtImages is about where images come from, and of what they consist; pieces is nil where nobody can say.
func (b *builder) lookAtImages(ctx context.Context) (source string, pieces []images.Piece, found []Finding) {
	const subject = "images"
	from, why, err := b.source(ctx, images.Foresee)
	if err != nil {
		return "", nil, []Finding{{Subject: subject, Saw: "from nowhere", Fix: err.Error()}}
	}
	pieces, err = from.Pieces(ctx)
	if err != nil {
		return from.Name(), nil, []Finding{{Subject: subject, Saw: "from " + from.Name(), Fix: err.Error()}}
	}
	return from.Name(), pieces, []Finding{{Subject: subject, Saw: "from " + from.Name() + ": " + why}}
}

// slow is an answer of a registry that lets a download expect trouble.
const slow = time.Second

// officialToday is about what the registries say.
func officialToday(ctx context.Context, choice images.Choice) []Finding {
	const subject = "official images"
	answers, err := images.OfficialToday(ctx, choice)
	if err != nil {
		return []Finding{{Subject: subject, Saw: "nobody can ask for them", Fix: err.Error()}}
	}
	var findings []Finding
	for _, a := range answers {
		f := Finding{Subject: subject, Saw: fmt.Sprintf("%s has all %d", a.Registry, a.Images)}
		if a.Took > slow {
			f.Saw += fmt.Sprintf(", and is slow: it took %.1f s to say so", a.Took.Seconds())
		}
		if a.Problem != nil {
			f.Saw, f.Fix = "not to be had from "+a.Registry, a.Problem.Error()
		}
		if a.Reads != "" {
			f.Saw += "; reads left: " + a.Reads
		}
		findings = append(findings, f)
	}
	return findings
}

// lookAtCache is about what is here already, and what the first run takes.
func lookAtCache(pieces []images.Piece, missing string) []Finding {
	const mib = 1 << 20
	var findings []Finding
	for _, p := range pieces {
		f := Finding{Subject: "cached", Saw: fmt.Sprintf("%s, %d MiB", p.What, (p.Bytes+mib-1)/mib)}
		if !p.Cached {
			f = Finding{Subject: "not cached", Saw: p.What}
		}
		findings = append(findings, f)
	}
	cache := Finding{Subject: "cache"}
	folder, err := images.CacheFolder()
	if err == nil {
		var size int64
		size, err = images.CacheSize()
		cache.Saw = fmt.Sprintf("%s holds %d MiB, earlier images among them", folder, (size+mib-1)/mib)
	}
	if err != nil {
		cache = Finding{Subject: "cache", Saw: "not usable", Fix: err.Error()}
	}
	findings = append(findings, cache)
	switch {
	case missing != "":
		findings = append(findings, Finding{Subject: "first run", Saw: missing})
	case pieces != nil:
		findings = append(findings, Finding{Subject: "first run", Saw: "waits for no image, all are cached"})
	}
	return findings
}

// machine is what a node needs of this machine.
func (b *builder) machine(e *engine.Engine) []Finding {
	folder, err := images.CacheFolder()
	if err != nil {
		return append(e.Machine(b.Dir), Finding{Subject: "cache", Saw: "not usable", Fix: err.Error()})
	}
	return e.Machine(folder)
}

// refuse is an error of all that is wrong, or nil.
func refuse(findings []Finding) error {
	var wrong []string
	for _, f := range findings {
		if !f.OK() {
			wrong = append(wrong, f.String())
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return errors.New("this machine cannot run the testbed: " + strings.Join(wrong, "\n"))
}
