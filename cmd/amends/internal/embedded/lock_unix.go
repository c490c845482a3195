//go:build unix

package embedded

import (
	"errors"
	"os"
	"syscall"
)

// exclusive locks f until it is closed, or its process ends in whatever way.
func exclusive(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrInUse
	}
	return err
}
