//go:build !unix

package embedded

import "os"

// exclusive does nothing where the system has no such lock.
func exclusive(*os.File) error { return nil }
