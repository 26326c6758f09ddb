package main

import (
	"fmt"
	"os"
)

// keep says when the testbed stays after `e2e`.
type keep string

// The values of KEEP.
const (
	keepNever   keep = "never"
	keepFailure keep = "failure"
	keepAlways  keep = "always"
)

func keepFromEnv() (keep, error) {
	switch k := keep(os.Getenv("KEEP")); k {
	case "":
		return keepNever, nil
	case keepNever, keepFailure, keepAlways:
		return k, nil
	default:
		return "", fmt.Errorf("KEEP=%s is not known; it is never, failure or always", k)
	}
}

// acceptMeshFromEnv is ACCEPT_MESH: whether a gate lets a report through whose mesh was not as installed.
func acceptMeshFromEnv() (bool, error) {
	switch value := os.Getenv("ACCEPT_MESH"); value {
	case "", "0":
		return false, nil
	case "1":
		return true, nil
	default:
		return false, fmt.Errorf("ACCEPT_MESH=%s is not known; it is 1 to accept a mesh that was not as installed, or 0", value)
	}
}

func outDir() string {
	if dir := os.Getenv("OUT"); dir != "" {
		return dir
	}
	return "reports/out"
}

// failFastFromEnv tells whether the first scenario that does not pass is to end the run.
func failFastFromEnv() (bool, error) {
	switch value := os.Getenv("FAIL_FAST"); value {
	case "", "0":
		return false, nil
	case "1":
		return true, nil
	default:
		return false, fmt.Errorf("FAIL_FAST=%s is not known; it is 0 or 1", value)
	}
}
