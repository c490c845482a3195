package main

import "runtime"

// ballastBytes keep the garbage collector from running all the time: a process
// that holds little would collect each time it made a few megabytes, dozens of
// times a second under load. Nothing ever touches them, so they cost address
// space and no memory; what may pile up between two collections does, about as
// much again. A process that holds much is collected as it would be without.
const ballastBytes = 64 << 20

// withBallast calls f.
func withBallast(f func() int) int {
	ballast := make([]byte, ballastBytes)
	defer runtime.KeepAlive(ballast)
	return f()
}
