//go:build unix

package bench

import (
	"fmt"
	"syscall"
)

// ownCPU is what this process has used, user and system, in ms.
func ownCPU() (ms float64, err error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("the CPU that was used: %w", err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6, nil
}
