package reports

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// sumsName is the file with the sums of the others, as sha256sum writes and checks it.
const sumsName = "SHA256SUMS"

// ErrNoBaseline is that no published report can be compared with a candidate.
var ErrNoBaseline = errors.New("no published report fits")

// publishedNames are the files of a published report that have sums.
func publishedNames() []string { return append(formNames(), SBOMFile, GateFile) }

func sumOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Publish copies the report in out, as its run wrote it, to its place below dir, with the gate's answer about it and the sums of all files. It returns
// the folder. What the gate refuses, or what was not asked for in whole, is not published.
func Publish(out, dir string, answer GateAnswer) (string, error) {
	if err := answer.Err(); err != nil {
		return "", fmt.Errorf("nothing is published: %w", err)
	}
	report, err := Read(filepath.Join(out, "report.json"))
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(report.Results, func(r *Result) bool { return r.Verdict == Skipped }) {
		return "", fmt.Errorf("nothing is published: the run was asked for %s, and a published report holds everything; `make e2e` without PAGE, SCENARIO and LABEL asks for it",
			cmp.Or(report.Run.Selection, "less than all pages"))
	}
	files := map[string][]byte{}
	for _, name := range append(formNames(), SBOMFile) {
		if files[name], err = os.ReadFile(filepath.Join(out, name)); err != nil {
			return "", fmt.Errorf("nothing is published, the report is not whole; `make e2e` writes all of it: %w", err)
		}
	}
	if files[GateFile], err = inJSON(answer); err != nil {
		return "", err
	}
	if sum := sumOf(files["report.json"]); sum != answer.Candidate.SHA256 {
		return "", fmt.Errorf("nothing is published: the gate was asked about another report (%s) than %s holds now; ask again", answer.Candidate.SHA256, out)
	}
	folder := filepath.Join(dir, publishedFolder(report.Testbed))
	return folder, writePublished(folder, files)
}

func writePublished(folder string, files map[string][]byte) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("the report could not be published: %w", err)
	}
	var sums bytes.Buffer
	for _, name := range publishedNames() {
		fmt.Fprintf(&sums, "%s  %s\n", sumOf(files[name]), name)
	}
	files[sumsName] = sums.Bytes()
	for _, name := range append(publishedNames(), sumsName) { // the sums last: until they are there the report is none
		if err := replaceFile(filepath.Join(folder, name), files[name]); err != nil {
			return fmt.Errorf("the report could not be published: %w", err)
		}
	}
	return nil
}

// publishedFolder is where a report is published, by what it is about: "1.31.1/packages/kubernetes-1.36.3-envoy-1.40.0".
func publishedFolder(t Testbed) string {
	versions := "kubernetes-" + strings.TrimPrefix(t.Kubernetes, "v") + "-envoy-" + t.Envoy
	if t.Compatibility != "" {
		versions += "-compatibility-" + t.Compatibility
	}
	return filepath.Join(folderName(t.Istio), folderName(sourceKind(t)), folderName(versions))
}

// folderName is a version as the name of a folder: a report may come from anywhere, and must not lead out of the place.
func folderName(text string) string {
	text = strings.Trim(regexp.MustCompile(`[^0-9A-Za-z.+-]+`).ReplaceAllString(text, "-"), ".-")
	return cmp.Or(text, "unknown")
}

// archiveSum is what the source of an archive's images ends with.
var archiveSum = regexp.MustCompile(`, a file with the SHA-256 [0-9a-f]+`)

// sourceKind is where the images come from, whichever archive that was.
func sourceKind(t Testbed) string { return archiveSum.ReplaceAllString(t.ImageSource, "") }

// asPublished tells whether the files of a folder have the sums that they were published with. A folder without sums was not published, and is as it
// should be.
func asPublished(folder string) error {
	sums, err := os.ReadFile(filepath.Join(folder, sumsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the sums of a published report cannot be read: %w", err)
	}
	var actual bytes.Buffer
	var edited []string
	for _, name := range publishedNames() {
		raw, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return fmt.Errorf("the report published in %s is not whole; publish it again, or take it from git: %w", folder, err)
		}
		line := sumOf(raw) + "  " + name + "\n"
		actual.WriteString(line)
		if !bytes.Contains(sums, []byte(line)) {
			edited = append(edited, name)
		}
	}
	if bytes.Equal(sums, actual.Bytes()) {
		return nil
	}
	return fmt.Errorf("the report published in %s was edited since (%s): a report is replaced by a new run and never by hand; `git checkout -- %[1]s` brings it back",
		folder, cmp.Or(strings.Join(edited, ", "), sumsName))
}

// Nearest is the published report below dir that a candidate is compared with where nobody names one: of those of the same schema and source of images that
// are not of the candidate's own run, the one with the same Istio, or else the highest that is not newer than the candidate's, or else the lowest; among equals
// the same for Kubernetes, then for Envoy; and of those left the newest run. A published report that was edited is an error, ErrNoBaseline that none fits.
func Nearest(dir string, candidate Report) (Baseline, error) {
	all, err := allPublished(dir)
	if err != nil {
		return Baseline{}, err
	}
	fitting := slices.DeleteFunc(all, func(p Placed) bool {
		return sourceKind(p.Testbed) != sourceKind(candidate.Testbed) || p.Run.ID == candidate.Run.ID
	})
	if len(fitting) == 0 {
		return Baseline{}, fmt.Errorf("%w: %s holds none of another run with images from %s; name one with BASELINE=FILE, or make this one the first with `make publish`",
			ErrNoBaseline, dir, cmp.Or(sourceKind(candidate.Testbed), "an unknown source"))
	}
	best := slices.MinFunc(fitting, func(a, b Placed) int { return nearer(candidate, a.Report, b.Report) })
	return Baseline{best.File, fmt.Sprintf("of %s with images from %s the nearest to Istio %s, Kubernetes %s and Envoy %s",
		counted(len(fitting), "published report"), sourceKind(candidate.Testbed), candidate.Testbed.Istio, candidate.Testbed.Kubernetes, candidate.Testbed.Envoy)}, nil
}

// Took are the times of the scenarios in the newest published report below dir, by id; none where nothing is published. A published report that was edited is an
// error.
func Took(dir string) (map[string]time.Duration, error) {
	all, err := allPublished(dir)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	newest := slices.MaxFunc(all, func(a, b Placed) int { return a.Run.Started.Compare(b.Run.Started) })
	out := map[string]time.Duration{}
	for _, r := range newest.Results {
		out[r.ID] = time.Duration(r.Timings.Total)
	}
	return out, nil
}

// Placed is a report with its file.
type Placed struct {
	File string
	Report
}

// allPublished are the reports below dir that this meshproof can read. One that was edited is an error.
func allPublished(dir string) ([]Placed, error) {
	folders, err := filepath.Glob(filepath.Join(dir, "*", "*", "*", sumsName))
	if err != nil {
		return nil, err
	}
	var out []Placed
	for _, sums := range folders {
		folder := filepath.Dir(sums)
		if err := asPublished(folder); err != nil {
			return nil, err
		}
		file := filepath.Join(folder, "report.json")
		if report, err := Read(file); err == nil { // any error is that it has another schema: it is as it was published
			out = append(out, Placed{file, report})
		}
	}
	return out, nil
}

// nearer is negative where a is the better baseline for the candidate.
func nearer(candidate, a, b Report) int {
	c, x, y := candidate.Testbed, a.Testbed, b.Testbed
	return cmp.Or(nearerVersion(c.Istio, x.Istio, y.Istio), nearerVersion(c.Compatibility, x.Compatibility, y.Compatibility), nearerVersion(c.Kubernetes, x.Kubernetes, y.Kubernetes),
		nearerVersion(c.Envoy, x.Envoy, y.Envoy), b.Run.Started.Compare(a.Run.Started))
}

// nearerVersion is negative where a is nearer to wanted: the same, or the highest that is not newer, or else the lowest that is.
func nearerVersion(wanted, a, b string) int {
	order := semver.Compare(versionIn(a), versionIn(b))
	newer := func(v string) bool {
		return versionIn(wanted) != "" && semver.Compare(versionIn(v), versionIn(wanted)) > 0
	}
	switch {
	case a == wanted && b != wanted:
		return -1
	case b == wanted && a != wanted:
		return 1
	case newer(a) && newer(b):
		return order
	case newer(a):
		return 1
	case newer(b):
		return -1
	}
	return -order
}

var (
	version = regexp.MustCompile(`(\d+)(?:\.(\d+))?(?:\.(\d+))?(-[0-9A-Za-z.-]+)?`)
	commit  = regexp.MustCompile(`-[0-9a-f]{7,40}$`)
)

// versionIn is the version that a text holds ("istio-proxy 1.31.1", "v1.36.3", "1.32-alpha.0"), as semver compares it; empty where it holds none, like
// a build of main: no version is newer than that. The commit at its end (1.31.0-eed52ebb66ad) tells builds apart, and not which came first.
func versionIn(text string) string {
	m := version.FindStringSubmatch(commit.ReplaceAllString(text, ""))
	if m == nil {
		return ""
	}
	return fmt.Sprintf("v%s.%s.%s%s", m[1], cmp.Or(m[2], "0"), cmp.Or(m[3], "0"), m[4])
}
