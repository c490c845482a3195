package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestEveryCommandHasHelpWithExamplesFirst(t *testing.T) {
	t.Parallel()
	s := &system{t: t, variables: map[string]string{}}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Hidden || cmd.Name() == "help" {
			return
		}
		args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		out := s.must(args...)
		if cmd.Short == "" || !strings.Contains(out, "Usage:\n  amends") {
			t.Errorf("%s: no help: %s", cmd.CommandPath(), out)
		}
		if cmd.Name() != "completion" && (cmd.Parent() == nil || cmd.Parent().Name() != "completion") {
			if at := strings.Index(out, "Examples:"); at < 0 || at > strings.Index(out, "Usage:") {
				t.Errorf("%s: its examples do not come first", cmd.CommandPath())
			}
			for line := range strings.Lines(cmd.Example) {
				if trimmed := strings.TrimSpace(line); trimmed != "" && !strings.Contains(line, "amends ") {
					t.Errorf("%s: example %q does not call it", cmd.CommandPath(), line)
				}
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(env{getenv: func(string) string { return "" }}))
}

func TestCompletionKnowsFourShells(t *testing.T) {
	t.Parallel()
	s := &system{t: t, variables: map[string]string{}}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out := s.must("completion", shell); len(out) < 1000 {
			t.Errorf("%s: %q", shell, out)
		}
	}
	has(t, s.must("__complete", "list", "--status", ""), "stuck")
	has(t, s.must("__complete", "audit", "--action", ""), "resolve")
	has(t, s.must("__complete", "start", ""), "place-order")
	has(t, s.must("__complete", "get", "-o", ""), "wide")
	has(t, s.must("__complete", ""), "history", "resolve", "serve")
}

func TestVersionSaysWhatThisIs(t *testing.T) {
	t.Parallel()
	s := &system{t: t, variables: map[string]string{}}
	has(t, s.must("version"), "amends ", version)
	has(t, s.must("--version"), "amends ", version)
	if o := objects(t, s.must("version", "-o", "json"))[0]; o["version"] != version || o["go"] == "" {
		t.Errorf("got %v", o)
	}
}
