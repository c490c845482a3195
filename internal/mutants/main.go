// Command mutants proves that tests bite. Each entry of mutants.txt breaks one
// rule in a copy of the tree; the named test must then fail.
//
//	go run ./internal/mutants            all of them
//	go run ./internal/mutants position   those whose rule says "position"
package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed mutants.txt
var list string

// A mutant is one broken rule.
type mutant struct {
	rule string // what holds, and the row of the fault table
	file string
	old  string // occurs once in file
	new  string
	pkg  string
	test string // a pattern for go test -run
}

func main() {
	mutants, err := parse(list)
	if err == nil {
		err = run(mutants, strings.Join(os.Args[1:], " "))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(mutants []mutant, only string) error {
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := copyTree(dir); err != nil {
		return err
	}
	survived := 0
	for _, m := range mutants {
		if !strings.Contains(m.rule, only) {
			continue
		}
		verdict, err := m.try(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", m.rule, err)
		}
		fmt.Printf("%-9s %s\n", verdict, m.rule)
		if verdict != "caught" {
			survived++
		}
	}
	if survived > 0 {
		return fmt.Errorf("%d broken rules were not caught", survived)
	}
	return nil
}

// try breaks the rule, runs the test, and mends the rule again.
func (m mutant) try(dir string) (verdict string, err error) {
	path := filepath.Join(dir, m.file)
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		return "", fmt.Errorf("%q occurs %d times in %s; mend mutants.txt", m.old, n, m.file)
	}
	broken := strings.Replace(string(source), m.old, m.new, 1)
	if err := os.WriteFile(path, []byte(broken), 0o644); err != nil {
		return "", err
	}
	defer func() {
		if e := os.WriteFile(path, source, 0o644); err == nil {
			err = e
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if out, err := command(ctx, dir, "go", "vet", m.pkg); err != nil {
		return "", fmt.Errorf("the broken tree does not build: %s", out)
	}
	out, err := command(ctx, dir, "go", "test", "-count=1", "-failfast", "-timeout=2m", "-run", m.test, m.pkg)
	switch {
	case err != nil:
		return "caught", nil
	case bytes.Contains(out, []byte("no tests to run")):
		return "", fmt.Errorf("no test is called %s", m.test)
	}
	return "SURVIVED", nil
}

func command(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	return cmd.CombinedOutput()
}

// copyTree copies what git tracks of the module to dir.
func copyTree(dir string) error {
	out, err := exec.Command("git", "ls-files", "-z", ":/").Output()
	if err != nil {
		return fmt.Errorf("list the tree: %w", err)
	}
	top, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		to := filepath.Join(dir, name)
		content, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(top)), name))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// parse reads blocks of "key: value" lines, parted by blank lines. Old and new
// are Go strings in quotes, or bare.
func parse(text string) ([]mutant, error) {
	var mutants []mutant
	for block := range strings.SplitSeq(text, "\n\n") {
		var m mutant
		fields := map[string]*string{"rule": &m.rule, "file": &m.file, "old": &m.old, "new": &m.new, "pkg": &m.pkg, "test": &m.test}
		for line := range strings.Lines(block) {
			line = strings.TrimRight(line, "\n")
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			key, value, ok := strings.Cut(line, ": ")
			if !ok {
				key, value = strings.TrimSuffix(line, ":"), ""
			}
			field := fields[key]
			if field == nil {
				return nil, fmt.Errorf("mutants.txt: what is %q?", line)
			}
			if *field != "" {
				*field += "\n"
			}
			*field += value
		}
		if m.rule != "" {
			mutants = append(mutants, m)
		}
	}
	return mutants, nil
}
