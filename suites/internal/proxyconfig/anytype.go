package proxyconfig

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	udpatype "github.com/cncf/xds/go/udpa/type/v1"
	xdstype "github.com/cncf/xds/go/xds/type/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"

	// Types that istiod puts into Any fields. What is missing here still decodes,
	// as a TypedStruct; linking the common ones keeps that slower way rare.
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/grpc/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/grpc_stats/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/grpc_web/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/stateful_session/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/http_inspector/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/original_dst/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/proxy_protocol/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/set_filter_state/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/wasm/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/formatter/req_without_query/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/network/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/request_id/uuid/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"

	_ "github.com/envoyproxy/go-control-plane/envoy/config/trace/v3"
)

const (
	typeKey        = "@type"
	typedStructURL = "type.googleapis.com/xds.type.v3.TypedStruct"
)

// decode reads Envoy's JSON of one resource. Fields and enum values of a newer
// Envoy are ignored; an Any of an unknown type becomes a TypedStruct, the form
// xDS itself gives to configuration whose type is not compiled in.
func decode(raw json.RawMessage, into proto.Message) error {
	if len(raw) == 0 {
		return nil // left out by a field mask
	}
	if holdsUnknownType(raw) {
		wrapped, err := wrapUnknownTypes(raw)
		if err != nil {
			return err
		}
		raw = wrapped
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(raw, into); err != nil {
		return fmt.Errorf("decode %s: %w", into.ProtoReflect().Descriptor().Name(), err)
	}
	return nil
}

// unpack reads a known Any into the given message and tells whether it was of that type.
func unpack(packed *anypb.Any, into proto.Message) bool {
	return packed != nil && packed.MessageIs(into) && packed.UnmarshalTo(into) == nil
}

// typeURL names the configuration in an Any; for a TypedStruct it is the type the struct stands for.
func typeURL(packed *anypb.Any) string {
	var xds xdstype.TypedStruct
	var udpa udpatype.TypedStruct
	switch {
	case unpack(packed, &xds):
		return xds.GetTypeUrl()
	case unpack(packed, &udpa):
		return udpa.GetTypeUrl()
	default:
		return packed.GetTypeUrl()
	}
}

func isKnownType(url string) bool {
	_, err := protoregistry.GlobalTypes.FindMessageByURL(url)
	return err == nil
}

// holdsUnknownType looks at the text only: walking the JSON tree of every resource would double the time of a parse.
func holdsUnknownType(raw []byte) bool {
	key := []byte(`"` + typeKey + `"`)
	for {
		_, after, found := bytes.Cut(raw, key)
		if !found {
			return false
		}
		_, after, _ = bytes.Cut(after, []byte{'"'})
		url, rest, _ := bytes.Cut(after, []byte{'"'})
		if !isKnownType(string(url)) {
			return true
		}
		raw = rest
	}
}

func wrapUnknownTypes(raw []byte) ([]byte, error) {
	numbers := json.NewDecoder(bytes.NewReader(raw))
	numbers.UseNumber()
	var tree any
	if err := numbers.Decode(&tree); err != nil {
		return nil, fmt.Errorf("read resource: %w", err)
	}
	wrapped, err := json.Marshal(wrap(tree))
	if err != nil {
		return nil, fmt.Errorf("wrap unknown types: %w", err)
	}
	return wrapped, nil
}

func wrap(node any) any {
	switch v := node.(type) {
	case []any:
		for i := range v {
			v[i] = wrap(v[i])
		}
	case map[string]any:
		return wrapObject(v)
	}
	return node
}

func wrapObject(object map[string]any) any {
	url, isAny := object[typeKey].(string)
	switch {
	case isAny && !isKnownType(url):
		delete(object, typeKey)
		return map[string]any{typeKey: typedStructURL, "type_url": url, "value": object}
	case strings.HasSuffix(url, ".TypedStruct") || strings.HasSuffix(url, "google.protobuf.Struct"):
		return object // free form inside: an @type in there is data
	}
	for key, value := range object {
		object[key] = wrap(value)
	}
	return object
}
