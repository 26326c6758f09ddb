package certs_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/format"

	"github.com/meshproof/meshproof/certs"
)

// holder has its Pair and Authority in unexported fields, where fmt does not call their methods.
type holder struct {
	pair certs.Pair
	root *certs.Authority
	copy certs.Authority
}

func TestNothingPrintsAKey(t *testing.T) {
	g := NewWithT(t)
	root, err := certs.NewAuthority(certs.Subject{CN: "example.com", O: "example Inc."})
	g.Expect(err).NotTo(HaveOccurred())
	pair, err := root.Issue(certs.Leaf{Subject: certs.Subject{CN: "client.example.com"}})
	g.Expect(err).NotTo(HaveOccurred())
	inside := holder{pair: pair, root: root, copy: *root}

	texts := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts[verb] = fmt.Sprintf(verb, pair) + fmt.Sprintf(verb, &pair) + fmt.Sprintf(verb, root) + fmt.Sprintf(verb, inside)
	}
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("made", "pair", pair, "root", root)
	texts["slog"] = log.String()
	encoded, err := json.Marshal(map[string]any{"pair": pair, "root": root})
	g.Expect(err).NotTo(HaveOccurred())
	texts["json"] = string(encoded)
	texts["gomega"] = format.Object(pair, 1) + format.Object(root, 1) + format.Object(inside, 1)

	for _, owner := range []interface{ KeyPEM() ([]byte, error) }{pair, root} {
		for name, text := range texts {
			g.Expect(fragments(t, owner)).To(HaveEach(Satisfy(func(part string) bool { return !strings.Contains(text, part) })), name)
		}
	}
	g.Expect(texts["json"]).To(ContainSubstring(`certificate \"CN=client.example.com\" of \"CN=example.com,O=example Inc.\", key not shown`))
	g.Expect(format.Object(root, 0)).To(HaveSuffix(`authority "CN=example.com,O=example Inc.", key not shown`))
	g.Expect(format.Object(pair, 0)).To(HaveSuffix("key not shown"))
	g.Expect(texts["%v"]).To(ContainSubstring("key not shown"))
	g.Expect(certs.Pair{}.String()).To(Equal("no certificate"))
	g.Expect((*certs.Authority)(nil).String()).To(Equal("no authority"))
}

// fragments are spellings of the middle of a key that a careless printer would leave: base64, hexadecimal, decimal bytes.
func fragments(t *testing.T, owner interface{ KeyPEM() ([]byte, error) }) []string {
	t.Helper()
	text, err := owner.KeyPEM()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	block, _ := pem.Decode(text)
	middle := block.Bytes[len(block.Bytes)/2:][:12]
	return []string{
		string(text[len(text)/2:][:12]),
		fmt.Sprintf("%x", middle),
		strings.Trim(fmt.Sprintf("%d", middle), "[]"),
	}
}
