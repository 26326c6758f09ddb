package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/meshproof/meshproof/fixtures/images"
	"github.com/meshproof/meshproof/reports"
)

// The phases, in the words a person reads.
const (
	phasePreflight    = "preflight"
	phaseCompare      = "compare"
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
	phaseRunning      = "what runs"
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

// up adopts what stands before it gets a single image: a testbed that fits needs none, and no network. What stands is removed only once everything
// that a new one is made of is here.
func (b *builder) up(ctx context.Context) (*Bed, error) {
	same, err := b.look(ctx)
	if err != nil {
		return nil, err
	}
	if same {
		if bed, err := b.adoptIfFit(ctx); bed != nil || err != nil {
			return bed, err
		}
	}
	took, err := runPhases(ctx, []phase{{name: phaseImages, do: b.prepareImages}}, b.options.Progress)
	if err != nil {
		return nil, b.leaveStanding(err)
	}
	if b.node != "" && !same { // other sources may have made the same images
		if bed, err := b.adoptIfFit(ctx); bed != nil || err != nil {
			return bed, err
		}
	}
	if b.node != "" {
		b.options.Progress.Detail(phaseRemove, "the cluster is made anew: "+b.unfit.Error())
		if _, err := runPhases(ctx, []phase{{name: phaseRemove, do: b.remove}}, b.options.Progress); err != nil {
			return nil, err
		}
	}
	return b.build(ctx, took)
}

// look tells whether a cluster stands that has the images of today.
func (b *builder) look(ctx context.Context) (same bool, err error) {
	phases := []phase{{name: phasePreflight, do: b.preflight}}
	record, _, err := b.home.owner()
	if err == nil && record.Complete && b.home.read(setFile, &b.Set) == nil {
		phases = append(phases, phase{name: phaseCompare, do: func(ctx context.Context) error {
			differs := compareImages(ctx, b.options.Images, b.Set)
			same = differs == nil
			if !same {
				b.options.Progress.Detail(phaseCompare, differs.Error())
			}
			return ctx.Err()
		}})
	}
	_, err = runPhases(ctx, phases, b.options.Progress)
	return same && b.node != "", err
}

// compareImages tells how the images of a testbed differ from those that a new one would get, or what of them is gone from this machine.
func compareImages(ctx context.Context, choice images.Choice, held images.Set) error {
	source, err := images.Again(choice, held)
	if err != nil {
		return err
	}
	if err := source.Fits(ctx, held); err != nil {
		return err
	}
	if _, err := os.Stat(held.Istioctl); err != nil {
		return fmt.Errorf("its istioctl is gone from the cache: %w", err)
	}
	return nil
}

// leaveStanding says what becomes of a cluster that stands where the images for a new one cannot be had: nothing.
func (b *builder) leaveStanding(err error) error {
	if b.node == "" {
		return err
	}
	return fmt.Errorf("%w; cluster %s stays as it is, `make down` removes it", err, b.Name)
}

// preflight refuses what cannot work, before anything is built.
func (b *builder) preflight(ctx context.Context) (err error) {
	if b.Engine, err = findEngine(ctx, b.options.Engine, ""); err != nil {
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
	return refuse(b.machine(b.Engine))
}

// prepareImages gets every image onto this machine.
func (b *builder) prepareImages(ctx context.Context) error {
	source, why, err := b.source(ctx, images.Select)
	if err != nil {
		return err
	}
	b.Set, err = getImages(ctx, source, why, b.options.Progress)
	return err
}

// GetImages gets every image of a source onto this machine, as Up does. Why is the reason for the source, for the progress.
func GetImages(ctx context.Context, source images.Source, why string, progress Progress) (set images.Set, err error) {
	_, err = runPhases(ctx, []phase{{name: phaseImages, do: func(ctx context.Context) error {
		set, err = getImages(ctx, source, why, progress)
		return err
	}}}, progress)
	return set, err
}

func getImages(ctx context.Context, source images.Source, why string, progress Progress) (images.Set, error) {
	progress.Detail(phaseImages, source.Name()+": "+why)
	work := images.NewUnderway()
	return source.Prepare(ctx, func(event images.Event) {
		work.Hear(event)
		switch event.State {
		case images.Planned:
			progress.Say(phaseImages, images.Forecast(event.Pieces, runtime.GOMAXPROCS(0)))
			progress.Ask(phaseImages, work.String)
		case images.Done, images.Failed:
			progress.Say(phaseImages, fmt.Sprintf("%s %s after %.1f s (%d of %d)", event.What, event.State, event.Took.Seconds(), event.Done, event.Total))
		case images.Started, images.Waiting, images.Cached:
		}
	})
}

// source is the one that was asked for. Where that is left open, a cluster that stands decides: it is not given up because the registry that its
// images came from does not answer for a moment. Elsewhere it is chosen by choose.
func (b *builder) source(ctx context.Context, choose func(context.Context, images.Choice) (images.Source, string, error)) (images.Source, string, error) {
	if b.node != "" && b.Set.Source != "" {
		if source, err := images.Again(b.options.Images, b.Set); err == nil {
			return source, "cluster " + b.Name + " was made from it", nil
		}
	}
	return choose(ctx, b.options.Images)
}

// adoptIfFit takes over the cluster of ours that stands, or returns nothing and keeps why not.
func (b *builder) adoptIfFit(ctx context.Context) (*Bed, error) {
	_, err := runPhases(ctx, []phase{{name: phaseAdopt, do: func(ctx context.Context) error {
		b.unfit = b.adopt(ctx)
		if wanted := b.options.Compatibility; b.unfit == nil && b.compatibility != wanted {
			b.unfit = fmt.Errorf("it was installed with COMPATIBILITY=%s, not %s", b.compatibility, wanted)
		}
		return ctx.Err()
	}}}, b.options.Progress)
	if err != nil || b.unfit != nil {
		return nil, err
	}
	if _, err := runPhases(ctx, []phase{{name: phaseRunning, do: b.readRunning}}, b.options.Progress); err != nil {
		return nil, fmt.Errorf("cluster %s stands: %w; `make down` makes room for another", b.Name, err)
	}
	b.Facts = b.facts()
	return &b.Bed, errors.Join(b.claim(), b.keepSet()) // the cache may have them in another place now
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
		{name: phasePolicies, do: b.enforcePolicies, after: []string{phasePreload, phaseNames}},
		{name: phaseTrust, do: b.spreadTrust, after: []string{phaseCluster, phaseCertificates}},
		{name: phaseIstio, do: b.installIstio, after: []string{phaseTrust, phasePreload}},
		{name: phaseInstalled, do: b.recordInstalled, after: []string{phaseIstio}},
		{name: phaseOutside, do: b.raiseOutside, after: []string{phaseCertificates, phasePreload}},
		{name: phaseFixtures, do: b.applySource, after: []string{phaseTrust, phasePreload}},
		{name: phaseReady, do: b.awaitReady, after: []string{phaseNames, phasePolicies, phaseIstio, phaseOutside, phaseFixtures}},
		{name: phaseRunning, do: b.readRunning, after: []string{phaseReady}},
		{name: phaseFingerprint, do: b.sign, after: []string{phaseRunning, phaseInstalled}},
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
	b.compatibility = b.options.Compatibility
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
	print, err := fingerprint(b.Set, b.Engine, b.compatibility)
	if err != nil {
		return err
	}
	if err := b.keepSet(); err != nil {
		return err
	}
	b.Facts = b.facts()
	if err := b.home.write(factsFile, b.Facts); err != nil {
		return err
	}
	if err := b.client.applyObject(ctx, kubeSystem, signature(print, b.owner.RunID)); err != nil {
		return err
	}
	b.owner.Complete = true
	return b.home.write(ownerFile, b.owner)
}

// keepSet keeps what the cluster was made of. The bill of materials is kept as well: the cache may lose it while the cluster stands.
func (b *builder) keepSet() error {
	if kept := b.home.file(sbomFile); b.Set.SBOM != "" && b.Set.SBOM != kept {
		text, err := os.ReadFile(b.Set.SBOM)
		if err == nil {
			err = os.WriteFile(kept, text, 0o600)
		}
		if err != nil {
			return fmt.Errorf("keep the bill of materials of cluster %s: %w", b.Name, err)
		}
		b.Set.SBOM = kept
	}
	return b.home.write(setFile, b.Set)
}

// remove takes the cluster and all that is known about it away. It works to the end also when the context has ended.
func (b *builder) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	b.node = ""
	return b.home.destroy(ctx, b.Engine)
}
