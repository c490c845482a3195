package bench

import (
	"errors"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profile writes what the process' CPU does into a file of dir, until stop is
// called.
func profile(dir, name string) (stop func() error, err error) {
	f, err := os.CreateTemp(dir, name+"-*.pprof")
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// profileDir makes the directory of profiles, if any are wanted.
func profileDir(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}
