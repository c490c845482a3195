package main

import "github.com/spf13/cobra"

// commands makes every verb.
func commands() []func(*app) *cobra.Command {
	return []func(*app) *cobra.Command{
		newVersion,
		newDemo, newDemoOrchestrator, newDev,
	}
}
