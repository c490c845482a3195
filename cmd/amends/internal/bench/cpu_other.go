//go:build !unix

package bench

// ownCPU is not known where the system does not tell in this way.
func ownCPU() (ms float64, err error) { return 0, nil }
