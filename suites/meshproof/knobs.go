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

func outDir() string {
	if dir := os.Getenv("OUT"); dir != "" {
		return dir
	}
	return "reports/out"
}
