package match

import (
	"encoding/base64"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

func TestHavePeerMetadata(t *testing.T) {
	fields, err := structpb.NewStruct(map[string]any{"NAME": "curl-7b", "NAMESPACE": "default", "LABELS": map[string]any{"app": "curl"}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := proto.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	echo := func(value string) string {
		return fmt.Sprintf(`{"headers": {"Host": "a", "X-Envoy-Peer-Metadata": %q}}`, value)
	}
	e := answer(200, echo(base64.StdEncoding.EncodeToString(raw)))
	e.Vars = map[string]string{"SOURCE_POD": "curl-7b"}
	want := map[string]string{"NAME": "${SOURCE_POD}", "NAMESPACE": "default"}
	const wanted, got = `wanted an echo of header X-Envoy-Peer-Metadata with `, `NAME="curl-7b", NAMESPACE="default"`
	check(t, map[string]judged{
		"of the pod":  {promise: HavePeerMetadata(want), on: e, holds: true, unlike: `wanted anything but an echo of header X-Envoy-Peer-Metadata with ` + got + `, got ` + got},
		"of another":  {promise: HavePeerMetadata(map[string]string{"NAME": "b"}), on: e, failure: wanted + `NAME="b", got ` + got},
		"less":        {promise: HavePeerMetadata(map[string]string{"OWNER": "b"}), on: e, failure: wanted + `OWNER="b", got ` + got},
		"nothing":     {promise: HavePeerMetadata(nil), on: e, failure: wanted + `, got ` + got},
		"unreadable":  {promise: HavePeerMetadata(map[string]string{"NAME": "b"}), on: answer(200, echo("...")), failure: wanted + `NAME="b", got "...": it is not base64: illegal base64 data at input byte 0`},
		"no header":   {promise: HavePeerMetadata(map[string]string{"NAME": "b"}), on: answer(200, `{"headers": {"Host": "a"}}`), failure: wanted + `NAME="b", got no such header, but Host`},
		"no answer":   {promise: HavePeerMetadata(map[string]string{"NAME": "b"}), on: failed(6, "curl: (6) no host"), failure: wanted + `NAME="b", got no answer: curl: (6) no host`},
		"no variable": {promise: HavePeerMetadata(map[string]string{"NAME": "${NONE}"}), on: e, misuse: "nothing exported ${NONE}"},
	})
}
