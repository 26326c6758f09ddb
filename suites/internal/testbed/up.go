package testbed

import (
	"context"
	"errors"
	"fmt"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/reports"
)

// The phases, in the words a person reads.
const (
	phasePreflight    = "preflight"
	phaseImages       = "images"
	phaseAdopt        = "adopt"
	phaseRemove       = "remove"
	phaseNodeImage    = "node image"
	phaseCertificates = "certificates"
	phaseCluster      = "cluster"
	phasePreload      = "preload"
	phaseNames        = "names"
	phasePolicies     = "network policy"
	phaseTrust        = "trust"
	phaseIstio        = "Istio"
	phaseInstalled    = "what is installed"
	phaseOutside      = "outside world"
	phaseFixtures     = "fixtures"
	phaseReady        = "ready"
	phaseFingerprint  = "fingerprint"
)

// Up brings the testbed up, or adopts the one that stands. It refuses a cluster of that name that is not ours. When it fails or is
// interrupted it removes what it began, after having kept in Options.Evidence why. The caller has a Claim on the cluster.
func Up(ctx context.Context, o Options) (*Bed, error) {
	b, err := newBuilder(o)
	if err != nil {
		return nil, err
	}
	bed, err := b.up(ctx)
	if ctx.Err() != nil {
		return nil, b.interrupted(ctx)
	}
	return bed, err
}

// interrupted says so in one sentence, instead of everything that an interrupt makes fail.
func (b *builder) interrupted(ctx context.Context) error {
	if b.left != nil {
		return fmt.Errorf("bringing cluster %s up was interrupted, `make sweep` removes what is left: %w", b.Name, errors.Join(context.Cause(ctx), b.left))
	}
	return fmt.Errorf("bringing cluster %s up was interrupted: %w", b.Name, context.Cause(ctx))
}

func (b *builder) up(ctx context.Context) (*Bed, error) {
	// Images may take minutes the first time, so that a refusal comes first. Where a complete cluster seems to stand they are here.
	first := []string{phasePreflight}
	if record, _, err := b.home.owner(); err == nil && record.Complete {
		first = nil
	}
	before, err := runPhases(ctx, []phase{
		{name: phasePreflight, do: b.preflight},
		{name: phaseImages, do: b.prepareImages, after: first},
	}, b.options.Progress)
	if err != nil {
		return nil, err
	}
	if b.node != "" {
		if bed, err := b.adoptOrRemove(ctx); bed != nil || err != nil {
			return bed, err
		}
	}
	return b.build(ctx, before)
}

// preflight refuses what cannot work, before anything is built.
func (b *builder) preflight(ctx context.Context) (err error) {
	if b.Engine, err = findEngine(ctx, b.options.Engine); err != nil {
		return err
	}
	b.options.Progress.Detail(phasePreflight, b.Engine.String())
	for _, w := range b.Engine.Workarounds {
		b.options.Progress.Detail(phasePreflight, w.String())
	}
	standing, err := b.home.standing(ctx, b.Engine)
	if err != nil {
		return err
	}
	if standing.node != nil {
		b.node = standing.node.Name
		return nil // what it takes has been taken
	}
	return refuse(b.Engine.Machine(b.Dir))
}

// prepareImages gets every image onto this machine.
func (b *builder) prepareImages(ctx context.Context) error {
	source, why, err := images.Select(ctx, b.options.Images)
	if err != nil {
		return err
	}
	b.options.Progress.Detail(phaseImages, source.Name()+": "+why)
	b.Set, err = source.Prepare(ctx, func(event images.Event) {
		if event.State != images.Cached {
			b.options.Progress.Detail(phaseImages, fmt.Sprintf("%s %s (%d of %d)", event.What, event.State, event.Done, event.Total))
		}
	})
	return err
}

// adoptOrRemove looks at the cluster of ours that stands. It returns nothing where that had to be removed.
func (b *builder) adoptOrRemove(ctx context.Context) (*Bed, error) {
	var unfit error
	_, err := runPhases(ctx, []phase{{name: phaseAdopt, do: func(ctx context.Context) error {
		unfit = b.adopt(ctx)
		return ctx.Err()
	}}}, b.options.Progress)
	if err != nil {
		return nil, err
	}
	if unfit == nil {
		return &b.Bed, b.claim()
	}
	b.options.Progress.Detail(phaseRemove, "the cluster is made anew: "+unfit.Error())
	_, err = runPhases(ctx, []phase{{name: phaseRemove, do: b.remove}}, b.options.Progress)
	return nil, err
}

// claim makes an adopted cluster outlive this process if that is wanted now; it never takes that back.
func (b *builder) claim() error {
	if !b.options.Keep || b.owner.Keep {
		return nil
	}
	b.owner.Keep = true
	return b.home.write(ownerFile, b.owner)
}

// phases make the testbed. What is independent overlaps.
func (b *builder) phases() []phase {
	return []phase{
		{name: phaseCertificates, do: b.makeCertificates},
		{name: phaseNodeImage, do: b.loadNodeImage},
		{name: phaseCluster, do: b.createCluster, after: []string{phaseNodeImage}},
		{name: phasePreload, do: b.preload, after: []string{phaseCluster}},
		{name: phaseNames, do: b.resolveNames, after: []string{phaseCluster}},
		{name: phasePolicies, do: b.enforcePolicies, after: []string{phasePreload}},
		{name: phaseTrust, do: b.spreadTrust, after: []string{phaseCluster, phaseCertificates}},
		{name: phaseIstio, do: b.installIstio, after: []string{phaseTrust, phasePreload}},
		{name: phaseInstalled, do: b.recordInstalled, after: []string{phaseIstio}},
		{name: phaseOutside, do: b.raiseOutside, after: []string{phaseCertificates, phasePreload}},
		{name: phaseFixtures, do: b.applySource, after: []string{phaseTrust, phasePreload}},
		{name: phaseReady, do: b.awaitReady, after: []string{phaseNames, phasePolicies, phaseIstio, phaseOutside, phaseFixtures}},
		{name: phaseFingerprint, do: b.sign, after: []string{phaseReady, phaseInstalled}},
	}
}

// build makes the testbed, or leaves nothing behind.
func (b *builder) build(ctx context.Context, before times) (*Bed, error) {
	if err := b.home.remove(); err != nil { // of a cluster that is gone
		return nil, err
	}
	if err := b.home.make(); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, buildTimeout)
	defer cancel()
	took, err := runPhases(limited, b.phases(), b.options.Progress)
	if err != nil {
		return nil, b.giveUp(ctx, err)
	}
	b.Phases = reports.Phases{
		Images:   reports.Seconds(before.sum(phaseImages) + took.sum(phaseNodeImage)),
		Cluster:  reports.Seconds(took.sum(phaseCluster, phasePreload)),
		Istio:    reports.Seconds(took.sum(phaseTrust, phaseIstio)),
		Fixtures: reports.Seconds(max(took[phaseOutside], took[phaseFixtures]) + took[phaseReady]),
	}
	return &b.Bed, nil
}

// giveUp keeps why, unless a person interrupted, and removes what there is.
func (b *builder) giveUp(ctx context.Context, cause error) error {
	if ctx.Err() == nil {
		kept := b.keepEvidence(ctx)
		if b.options.Evidence != "" {
			cause = fmt.Errorf("%w (more in %s)", cause, b.evidenceFolder())
		}
		cause = errors.Join(cause, kept)
	}
	b.left = b.remove(ctx)
	return errors.Join(cause, b.left)
}

// loadNodeImage gives the node's image to the engine, unless it has it.
func (b *builder) loadNodeImage(ctx context.Context) error {
	held, err := b.Engine.Holds(ctx, b.Set.NodeImage, b.Set.NodeArchive)
	if err != nil || held {
		return err
	}
	return b.Engine.Load(ctx, b.Set.NodeArchive)
}

// awaitReady returns when everything is Ready, not only asked for.
func (b *builder) awaitReady(ctx context.Context) error {
	if err := b.client.awaitNode(ctx); err != nil {
		return err
	}
	return b.client.awaitReady(ctx, partsOf(b.Set))
}

// sign says in the cluster and in its folder that it is complete, and what it is.
func (b *builder) sign(ctx context.Context) error {
	print, err := fingerprint(b.Set, b.Engine)
	if err != nil {
		return err
	}
	b.Facts = facts(b.Set, b.Engine)
	if err := errors.Join(b.home.write(setFile, b.Set), b.home.write(factsFile, b.Facts)); err != nil {
		return err
	}
	if err := b.client.applyObject(ctx, kubeSystem, signature(print, b.owner.RunID)); err != nil {
		return err
	}
	b.owner.Complete = true
	return b.home.write(ownerFile, b.owner)
}

// remove takes the cluster and all that is known about it away. It works to the end also when the context has ended.
func (b *builder) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	b.node = ""
	return b.home.destroy(ctx, b.Engine)
}
