package protocol_test

import (
	"os/exec"
	"strings"
	"testing"
)

// Packages of contracts import this one alone, so what it imports everybody does.
func TestOnlyTheStandardLibraryIsImported(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, want := strings.Fields(string(out)), "github.com/amends-io/amends/participants/protocol"; len(got) != 1 || got[0] != want {
		t.Errorf("imported: %v", got)
	}
}
