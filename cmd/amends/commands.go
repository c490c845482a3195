package main

import "github.com/spf13/cobra"

// commands makes every verb.
func commands() []func(*app) *cobra.Command {
	return []func(*app) *cobra.Command{
		newStart, newGet, newList, newHistory, newWait,
		newCancel, newSuspend, newResume, newRetry, newResolve, newSignal,
		newStatus, newInputs, newDefinitions,
		newServe, newInit, newCheck, newRebuild, newTraces,
		newVersion,
		newDemo, newDemoOrchestrator, newDev,
		newBench, newBenchPart,
	}
}
