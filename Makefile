# meshproof: what can be asked of this repository. `make help` lists it, CONTRIBUTING.md explains it.
#
# Knobs travel to the command as environment variables: neither make nor a shell looks into them.
#   make e2e LABEL='page:egress-gateway && !slow' KEEP=failure
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

# What to replay.
PAGE ?=
SCENARIO ?=
LABEL ?=
SHARD ?=
FAULT ?=
DRILLS ?=
VERSIONS ?=
SLICE ?=
# How. KEEP: never | failure | always. FAIL_FAST: 1 ends at the first red scenario. IMAGES: auto | registry | packages | archive:FILE. ENGINE: auto | podman | docker.
KEEP ?= never
FAIL_FAST ?=
IMAGES ?= auto
# Versions; empty: the default (make list VERSIONS=1). ISTIO and KUBERNETES may be images of one's own (README.md, "Gate a new Istio").
ISTIO ?=
KUBERNETES ?=
ENVOY ?=
# Istio with the defaults of an earlier version: its installer's compatibilityVersion.
COMPATIBILITY ?=
ENGINE ?= auto
OUT ?= reports/out
# What `make images-archive` writes, and what `make history` and `make merge` read.
FILE ?= bin/meshproof-images.tar
DIR ?=
# The folder with the documents that `make trace` compares with the index.
DOCS ?=
# What `make gate` compares with (empty: the nearest in reports/published), and what it lets through: a file of accepted differences, and 0 | 1.
BASELINE ?=
ACCEPT ?=
ACCEPT_MESH ?=
ALLOW_FLAKY ?=
# What `make test`, `make bench` and `make lint` look at.
PKG ?= ./...
RUN ?= .
RACE ?=
FUZZTIME ?= 1m

# A recipe reads a knob as "$$NAME", never as $(NAME): make would put its text into the shell's, and run the $(shell ...) in it.
# `value` takes the text as it is; without `override` that of the command line would be expanded when it is exported.
$(foreach knob,PAGE SCENARIO LABEL SHARD FAULT DRILLS VERSIONS SLICE KEEP FAIL_FAST IMAGES ISTIO KUBERNETES ENVOY COMPATIBILITY ENGINE OUT FILE DIR DOCS BASELINE ACCEPT ACCEPT_MESH ALLOW_FLAKY PKG RUN RACE FUZZTIME,\
  $(eval override export $(knob) := $$(value $(knob))))

# The packages of PKG become words, without the shell's patterns; some flags of go would run a program.
packages = set -f; case " $$PKG" in *[[:space:]]-*) echo 'PKG names packages, not flags' >&2; exit 2 ;; esac;

meshproof := bin/meshproof
tool := go tool -modfile=scripts/tools/go.mod
linter := go tool -modfile=scripts/tools/lint/go.mod golangci-lint

.PHONY: help
help: ## Every target with one line
	@awk -v on="$(if $(MAKE_TERMOUT),\033[36m)" -v off="$(if $(MAKE_TERMOUT),\033[0m)" 'BEGIN { FS = ":.*##" } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*##/ { printf "  %s%-16s%s%s\n", on, $$1, off, $$2 }' Makefile
	@printf '\nKnobs: PAGE SCENARIO LABEL SHARD FAULT VERSIONS SLICE KEEP FAIL_FAST IMAGES ISTIO KUBERNETES ENVOY COMPATIBILITY ENGINE OUT (README.md has the table)\n'

##@ Replay

.PHONY: e2e
e2e: setup build ## Everything: testbed up, pages replayed, report in reports/out, testbed down
	@exec $(meshproof) e2e

.PHONY: docker
docker: export override ENGINE := docker
docker: export override IMAGES := packages
docker: build ## The same on a Docker of its own, for a machine that has only podman (PAGE, SCENARIO, LABEL)
	@$(meshproof) images --source packages
	@exec scripts/docker.sh $(meshproof) e2e

.PHONY: rehearsal
rehearsal: setup build rehearse ## e2e with IMAGES=registry where there is none: stand-ins for the official images, on the loopback (PAGE, ENGINE)
	@exec bin/rehearse

.PHONY: rehearsal-moods
rehearsal-moods: setup build rehearse ## Keep a cluster while that registry is at its limit, late, has moved its tags, or is gone
	@exec bin/rehearse moods

.PHONY: matrix
matrix: setup build ## One mesh after the other, a row of VERSIONS=FILE each, and side by side what differs (SLICE=1/2, PAGE, SCENARIO, LABEL)
	@exec $(meshproof) matrix

.PHONY: merge
merge: build ## Reports in the folder DIR put together: shards of a run to one report, rows to a matrix
	@exec $(meshproof) merge

.PHONY: mutate
mutate: setup build ## Prove that the promises can fail: replay with one step left out at a time (PAGE, SCENARIO, LABEL)
	@exec $(meshproof) mutate

.PHONY: drill
drill: setup build ## Break the mesh on purpose, one reported fault at a time, and see who notices (FAULT, PAGE)
	@exec $(meshproof) drill

.PHONY: list
list: build ## The scenarios, each with the document and the lines it comes from; the faults with DRILLS=1, the versions of components with VERSIONS=1, the rows of a matrix with VERSIONS=FILE
	@exec $(meshproof) list

.PHONY: trace
trace: build ## Every line of the documents with what holds it, and the count; with DOCS=FOLDER what changed in the documents (PAGE, SCENARIO)
	@exec $(meshproof) trace

.PHONY: gate
gate: build ## Fail on any promise in reports/out that is worse than in BASELINE=FILE, or else in the nearest published report (ACCEPT=FILE)
	@exec $(meshproof) gate --baseline "$$BASELINE"

.PHONY: publish
publish: build ## Keep reports/out in reports/published, as it was written, if the gate is open
	@exec $(meshproof) publish --baseline "$$BASELINE"

.PHONY: history
history: build ## What became of each scenario over time, from all reports in the folder DIR
	@exec $(meshproof) history

##@ Testbed

.PHONY: up
up: setup build ## Bring the testbed up and keep it (`make e2e` then uses it)
	@exec $(meshproof) up

.PHONY: down
down: build ## Take the testbed down
	@exec $(meshproof) down

.PHONY: sweep
sweep: build ## Remove what a killed run left behind
	@exec $(meshproof) sweep

.PHONY: doctor
doctor: build ## Only look whether this machine can run the testbed
	@exec $(meshproof) doctor

.PHONY: images
images: setup build ## Get or build the images of the testbed (IMAGES says where from)
	@exec $(meshproof) images --source "$$IMAGES"

.PHONY: images-lock
images-lock: ## Write down anew what images take from outside: Debian's packages, the digests of official images
	@exec go run ./fixtures/images/lock

.PHONY: images-archive
images-archive: setup build ## All images in one FILE, for a machine without a network
	@mkdir -p -- "$$(dirname -- "$$FILE")"
	@exec $(meshproof) images --source "$$IMAGES" --archive "$$FILE"

##@ Develop

.PHONY: test
test: ## All tests that need no cluster (PKG=./suites/internal/match RUN=TestLogged RACE=1)
	@mkdir -p bin
	@$(packages) exec $(tool) gotestsum --format pkgname --hide-summary skipped --format-hide-empty-pkg \
	  --jsonfile-timing-events bin/test.json --post-run-command 'scripts/tally.sh bin/test.json' \
	  -- $${RACE:+-race} -run "$$RUN" $$PKG

.PHONY: test-mesh
test-mesh: setup build ## Tests of the testbed on a mesh, which is made and kept (RUN=TestFlips MESHPROOF_FLIPS=1000)
	@export MESHPROOF_KUBECONFIG="$$($(meshproof) up | sed -n 's/.*KUBECONFIG=//p')"; \
	  exec go test -tags mesh -count=1 -timeout 60m -v -run "$$RUN" ./suites/internal/testbed/mesh

.PHONY: bench
bench: ## Benchmarks without a cluster (PKG=./suites/internal/probe RUN=ParseLog)
	@$(packages) exec go test -run '^$$' -bench "$$RUN" -benchmem $$PKG

.PHONY: fuzz
fuzz: ## Try what parses input from outside with inputs of chance, FUZZTIME per target (RUN=Archive FUZZTIME=20s)
	@exec scripts/fuzz.sh

.PHONY: update-golden
update-golden: ## Write the golden files anew; read the diff before committing it
	@$(packages) UPDATE_GOLDEN=1 exec go test $$PKG

.PHONY: verify
verify: ## Lint, formats, modules, vulnerabilities, workflows, scripts, what must not be in git
	@exec scripts/verify.sh

.PHONY: lint
lint: ## Only the Go linters
	@$(packages) exec $(linter) run $$PKG

.PHONY: fmt
fmt: ## Format Go and shell
	@$(linter) fmt
	@$(tool) shfmt -w scripts .ci

.PHONY: clean
clean: ## Remove what was built here, and the images loaded into the engine (the cache stays)
	@rm -rf bin reports/out
	@exec scripts/clean.sh

# Go's own cache decides whether anything is built. The command is executed, not run by `go run`: that one would hide the exit code.
# Without cgo and with -trimpath, as the programs of the images are compiled: on a fresh machine half of its packages then need no second compilation.
.PHONY: build
build:
	@[ -x $(meshproof) ] || echo 'build: $(meshproof), some minutes the first time' >&2
	@CGO_ENABLED=0 go build -trimpath -o $(meshproof) ./suites/meshproof

.PHONY: rehearse
rehearse:
	@CGO_ENABLED=0 go build -trimpath -o bin/rehearse ./fixtures/images/rehearsal

# Before anything is installed: a knob that nobody understands.
.PHONY: knobs
knobs: build
	@exec $(meshproof) knobs

.PHONY: setup
setup: knobs
	@exec scripts/setup.sh
