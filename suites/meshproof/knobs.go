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

// switchFromEnv is a knob that is 0 or 1, and off without a value; 1 is to do what it says.
func switchFromEnv(name, does string) (bool, error) {
	switch value := os.Getenv(name); value {
	case "", "0":
		return false, nil
	case "1":
		return true, nil
	default:
		return false, fmt.Errorf("%s=%s is not known; it is 1 to %s, or 0", name, value, does)
	}
}

func outDir() string {
	if dir := os.Getenv("OUT"); dir != "" {
		return dir
	}
	return "reports/out"
}
