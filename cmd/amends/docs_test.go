package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// A commandLine is the program and what follows it up to the end of the line,
// of the code, or of what the shell would run next.
var commandLine = regexp.MustCompile(`(?m)(?:^|[ (\x60$])amends ((?:[a-z][a-z-]*)(?: [^\n\x60#|>;&)]*)?)`)

var flagName = regexp.MustCompile(`(?:^|\s)--([a-z][a-z-]*)`)

// Whoever types what a page says at night is not told that there is no such flag.
func TestPagesNameCommandsAndFlagsThatThereAre(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"README.md", "docs/*.md", "docs/adr/*.md", "deploy/*.md"} {
		found, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	root := newRoot(env{stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }})
	seen := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range codeOf(string(text)) {
			for _, m := range commandLine.FindAllStringSubmatch(code, -1) {
				seen++
				for _, fault := range faultsOf(root, m[1]) {
					t.Errorf("%s: amends %s: %s", filepath.Base(page), m[1], fault)
				}
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d command lines were found", seen)
	}
	for _, wrong := range []string{"lsit", "list --version 3", "status --nobody"} {
		if len(faultsOf(root, wrong)) == 0 {
			t.Errorf("nothing is wrong with amends %s", wrong)
		}
	}
}

// codeOf returns what a page sets as code: blocks, and words between backquotes.
func codeOf(page string) (list []string) {
	for i, part := range strings.Split(page, "```") {
		if i%2 == 1 {
			list = append(list, part)
			continue
		}
		for line := range strings.Lines(part) {
			if strings.HasPrefix(line, "    ") {
				list = append(list, line)
			}
		}
		for j, word := range strings.Split(part, "`") {
			if j%2 == 1 {
				list = append(list, strings.ReplaceAll(word, "\n", " "))
			}
		}
	}
	return list
}

// faultsOf says what the program would not understand of a command line.
func faultsOf(root *cobra.Command, line string) (faults []string) {
	cmd, _, err := root.Find(strings.Fields(line))
	if err != nil || cmd == root {
		return []string{"there is no such command"}
	}
	cmd.InitDefaultHelpFlag()
	for _, m := range flagName.FindAllStringSubmatch(line, -1) {
		if cmd.Flag(m[1]) == nil && root.PersistentFlags().Lookup(m[1]) == nil {
			faults = append(faults, "there is no --"+m[1])
		}
	}
	return faults
}
