package catalogue

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

const document = `Services for egress

  1. Create a service:

    $ kubectl apply -f service.yaml
    service/my-httpbin created

First it is created. Then it answers. At last it is gone.

  2. Delete it:
    $ kubectl delete service my-httpbin
`

// indexed is an index of the document, made by hand as the real one: a heading, a command with its output, and a line in three passages.
func indexed(t *testing.T) []Passage {
	t.Helper()
	lines := strings.Split(document, "\n")
	row := func(where, mark, words string, sums ...string) string {
		return strings.Join([]string{"S1", where, mark, words, strings.Join(sums, "."), ""}, "\t")
	}
	sum := func(from, to int) []string {
		var sums []string
		for _, line := range lines[from-1 : to] {
			sums = append(sums, Sum(line))
		}
		return sums
	}
	passages, err := parseIndex(strings.Join([]string{
		row("1-2", "heading", "Services for egress", sum(1, 2)...),
		row("3-7", "promise", "1. Create", sum(3, 7)...),
		row("8@1-21", "promise", "First it", Sum(lines[7][:21])),
		row("8@22-38", "promise", "Then it", Sum(lines[7][21:38])),
		row("8@39-57", "promise", "At last", Sum(lines[7][38:57])),
		row("9-11", "promise", "2. Delete", sum(9, 11)...),
	}, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return passages
}

func TestCompare(t *testing.T) {
	at := func(from int) Lines { return Lines{From: from, To: from} }
	for name, c := range map[string]struct {
		old, now string
		drifts   []Drift
	}{
		"nothing":     {},
		"white space": {"    $ kubectl apply", "$   kubectl apply", nil},
		"a line edited": {"service/my-httpbin created", "service/my-httpbin configured", []Drift{
			{Changed, at(6), at(6), "service/my-httpbin configured", Sum("service/my-httpbin configured")},
		}},
		"a line put in": {"    service/my-httpbin created", "    $ kubectl get service\n    service/my-httpbin created", []Drift{
			{New, at(5), at(6), "$ kubectl get service", Sum("$ kubectl get service")},
			{Moved, Lines{From: 6, To: 11}, Lines{From: 7, To: 12}, "1. Create", ""},
		}},
		"a line put in front": {"Services for egress", "Tasks\nServices for egress", []Drift{
			{New, Lines{}, at(1), "Tasks", Sum("Tasks")},
			{Moved, Lines{From: 1, To: 11}, Lines{From: 2, To: 12}, "Services for egress", ""},
		}},
		"a line taken out": {"    service/my-httpbin created\n", "", []Drift{
			{Gone, at(6), Lines{}, "1. Create", ""},
			{Moved, Lines{From: 8, To: 11}, Lines{From: 7, To: 10}, "First it", ""},
		}},
		"a sentence edited": {"Then it answers.", "Then it refuses.", []Drift{
			{Changed, Lines{8, 8, 22, 38}, Lines{8, 8, 22, 38}, "Then it refuses.", Sum("Then it refuses.")},
		}},
		"a sentence put in": {"Then it answers.", "It has no address. Then it answers.", []Drift{
			{New, Lines{8, 8, 22, 38}, Lines{8, 8, 22, 40}, "It has no address.", Sum("It has no address.")},
			{Moved, Lines{8, 8, 22, 57}, Lines{8, 8, 41, 76}, "Then it", ""},
		}},
		"a sentence taken out": {"Then it answers. ", "", []Drift{
			{Gone, Lines{8, 8, 22, 38}, Lines{}, "Then it", ""},
			{Moved, Lines{8, 8, 39, 57}, Lines{8, 8, 22, 40}, "At last", Sum("At last it is gone.")},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			now := strings.Replace(document, c.old, c.now, 1)
			NewWithT(t).Expect(Compare(indexed(t), now)).To(Equal(c.drifts))
		})
	}
}

// A command that goes elsewhere is found there.
func TestCompareFindsWhatWentElsewhere(t *testing.T) {
	deletion := "    $ kubectl delete service my-httpbin\n"
	now := strings.Replace(document, deletion, "", 1)
	now = strings.Replace(now, "Services for egress\n", "Services for egress\n"+deletion, 1)
	NewWithT(t).Expect(Compare(indexed(t), now)).To(ContainElement(
		Drift{Moved, Lines{From: 11, To: 11}, Lines{From: 2, To: 2}, "2. Delete", Sum(deletion)}))
}
