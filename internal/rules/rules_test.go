// Package rules_test keeps the borders between packages, of which the compiler
// knows nothing: who may import whom, who may read a clock, how long a file is.
package rules_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/amends-io/amends/"

// A file is what the rules see of a Go file.
type file struct {
	dir     string // of its package, below the module
	name    string
	test    bool
	lines   int
	imports []string // our own packages as ./sagas
	calls   []string // of imported packages, as time.Now
}

// A rule says what is wrong with a file, or nothing.
type rule func(f file) (faults []string)

var rules = []rule{
	protocolImportsTheStandardLibraryAlone,
	sagasImportLittle,
	theCoreImportsAlmostNothing,
	theCoreReadsNoClock,
	participantsAndOrchestratorMeetInTheProtocol,
	adaptersKnowOneTechnologyAndNotEachOther,
	thePortsKnowNoTechnology,
	onlyTestsImportWhatIsMadeForThem,
	serversRunInCommandsAndTests,
	thePagesAskTheAPIAlone,
	exportersAreTheCommands,
	filesAreShort,
	testsDoNotSleep,
	packagesSayWhatTheyAreFor,
}

func TestTheTreeKeepsItsRules(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := 0
	err := filepath.WalkDir(root, func(p string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && p != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(p, ".go"):
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		f, err := read(filepath.ToSlash(rel), p, nil)
		if err != nil {
			return err
		}
		seen++
		for _, fault := range check(f) {
			t.Error(fault)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 50 {
		t.Errorf("only %d files were looked at", seen)
	}
}

func check(f file) (faults []string) {
	for _, rule := range rules {
		for _, fault := range rule(f) {
			faults = append(faults, fmt.Sprintf("%s/%s %s", f.dir, f.name, fault))
		}
	}
	return faults
}

// read parses the file that is called name below the module. Its text is src,
// or, if that is nil, what is stored at from.
func read(name, from string, src any) (file, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, from, src, parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	f := file{
		dir: path.Dir(name), name: path.Base(name), test: strings.HasSuffix(name, "_test.go"),
		lines: set.File(parsed.FileStart).LineCount(),
	}
	names := map[string]string{}
	for _, imp := range parsed.Imports {
		p := strings.Trim(imp.Path.Value, `"`)
		local := path.Base(p)
		if imp.Name != nil {
			local = imp.Name.Name
		} else if strings.HasPrefix(local, "v") && strings.Trim(local[1:], "0123456789") == "" {
			local = path.Base(path.Dir(p)) // math/rand/v2
		}
		if rest, ours := strings.CutPrefix(p, module); ours {
			p = "./" + rest
		}
		f.imports = append(f.imports, p)
		names[local] = p
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := sel.X.(*ast.Ident); ok && names[pkg.Name] != "" {
				f.calls = append(f.calls, names[pkg.Name]+"."+sel.Sel.Name)
			}
		}
		return true
	})
	return f, nil
}
