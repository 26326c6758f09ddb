package proxyconfig

import (
	"encoding/base64"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// PeerMetadata reads the value of the header X-Envoy-Peer-Metadata, by which a proxy tells another who it is: NAME, NAMESPACE, OWNER, WORKLOAD_NAME. Of
// its fields only texts are kept.
//
// Source: istio.io/istio/pkg/model, NodeMetadata, as a google.protobuf.Struct in base64.
func PeerMetadata(header string) (map[string]string, error) {
	raw, err := base64.StdEncoding.DecodeString(header)
	if err != nil {
		return nil, fmt.Errorf("it is not base64: %w", err)
	}
	var fields structpb.Struct
	if err := proto.Unmarshal(raw, &fields); err != nil {
		return nil, fmt.Errorf("it is no google.protobuf.Struct: %w", err)
	}
	texts := map[string]string{}
	for name, value := range fields.GetFields() {
		if text, ok := value.GetKind().(*structpb.Value_StringValue); ok {
			texts[name] = text.StringValue
		}
	}
	return texts, nil
}
