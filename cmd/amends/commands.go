package main

import "github.com/spf13/cobra"

// commands makes every verb.
func commands() []func(*app) *cobra.Command {
	return []func(*app) *cobra.Command{
		newStart, newGet, newList, newFailures, newHistory, newAudit, newWait,
		newCancel, newSuspend, newResume, newRetry, newResolve, newSignal,
		newStatus, newInputs, newDefinitions,
		newServe, newInit, newCheck, newRebuild, newGenerate, newTraces,
		newVersion,
		newDemo, newDemoOrchestrator, newDev,
		newBench, newBenchPart, newBenchLists,
	}
}
