package proxyconfig

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/types/known/anypb"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	fileaccesslogv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
)

// Filter is an element of a filter chain: its name and the configuration as it
// came. Configuration of a type that is not linked in is an
// xds.type.v3.TypedStruct; TypeURL names the real type in any case.
type Filter struct {
	Name    string
	TypeURL string
	Config  *anypb.Any
}

func newFilter(name string, config *anypb.Any) Filter {
	return Filter{Name: name, TypeURL: typeURL(config), Config: config}
}

// AccessLog is one place access log lines are written to.
type AccessLog struct {
	Name string
	// Path is the file of a file logger, "/dev/stdout" for Istio's default; empty for other loggers.
	Path string
	// Conditional tells that a filter decides which requests are logged.
	Conditional bool
	// Flags are the response flags of which a request must have one, where the filter is of that kind.
	Flags []string
}

func accessLogs(from []*accesslogv3.AccessLog) []AccessLog {
	logs := make([]AccessLog, 0, len(from))
	for _, l := range from {
		var file fileaccesslogv3.FileAccessLog
		unpack(l.GetTypedConfig(), &file)
		logs = append(logs, AccessLog{
			Name: l.GetName(), Path: file.GetPath(),
			Conditional: l.GetFilter() != nil, Flags: l.GetFilter().GetResponseFlagFilter().GetFlags(),
		})
	}
	return logs
}

// Extension is a filter configuration delivered on its own (ECDS), such as a wasm module.
type Extension struct {
	Resource
	TypeURL string
}

func (c *Config) addExtension(e entry, r Resource) error {
	var config struct {
		Name  string `json:"name"`
		Typed struct {
			Type string `json:"@type"`
		} `json:"typed_config"`
	}
	if err := decodePlain(e.Extension, &config); err != nil {
		return err
	}
	r.Kind, r.raw = KindExtension, e.Extension
	if r.Name == "" {
		r.Name = config.Name
	}
	e.Name = r.Name
	c.reject(KindExtension, e)
	c.Extensions = append(c.Extensions, &Extension{Resource: r, TypeURL: config.Typed.Type})
	return nil
}

func decodePlain(raw json.RawMessage, into any) error {
	if len(raw) == 0 {
		return nil // left out by a field mask
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("decode extension: %w", err)
	}
	return nil
}
