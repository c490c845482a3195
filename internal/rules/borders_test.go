package rules_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Imports of our own packages begin with "./", those of the standard library
// have no dot in their first element.
func ours(imp string) bool { return strings.HasPrefix(imp, "./") }
func standard(imp string) bool {
	return !ours(imp) && !strings.Contains(strings.SplitN(imp, "/", 2)[0], ".")
}

// within reports whether p is one of dirs or below it.
func within(p string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") })
}

// only says which imports of f are not allowed.
func only(f file, allowed func(imp string) bool) (faults []string) {
	for _, imp := range f.imports {
		if !allowed(imp) {
			faults = append(faults, "imports "+imp)
		}
	}
	return faults
}

// never says which imports of f are forbidden.
func never(f file, forbidden ...string) []string {
	return only(f, func(imp string) bool { return !within(imp, forbidden...) })
}

const (
	nats       = "github.com/nats-io/nats.go"
	natsServer = "github.com/nats-io/nats-server"
	redis      = "github.com/redis/go-redis"
	miniredis  = "github.com/alicebob/miniredis"
)

func protocolImportsTheStandardLibraryAlone(f file) []string {
	if f.dir != "participants/protocol" || f.test {
		return nil
	}
	return only(f, standard)
}

// What a saga is, and the contracts of its actions, reach no network.
func sagasImportLittle(f file) []string {
	if !within(f.dir, "sagas") || f.test {
		return nil
	}
	return only(f, func(imp string) bool {
		return standard(imp) && !within(imp, "context", "crypto/rand", "math/rand", "net", "os", "syscall") ||
			within(imp, "./sagas", "./participants/protocol")
	})
}

func theCoreImportsAlmostNothing(f file) []string {
	if f.dir != "orchestrator/instance" || f.test {
		return nil
	}
	return only(f, func(imp string) bool {
		return slices.Contains([]string{"errors", "fmt", "slices", "time", "./sagas", "./participants/protocol"}, imp)
	})
}

// Time and chance come in as data, so that the same arguments always give the
// same decision.
func theCoreReadsNoClock(f file) (faults []string) {
	if f.test || !within(f.dir, "orchestrator/instance", "sagas", "participants/protocol") {
		return nil
	}
	for _, call := range f.calls {
		switch call {
		case "time.Now", "time.Since", "time.Until", "time.After", "time.AfterFunc", "time.Sleep", "time.Tick",
			"time.NewTimer", "time.NewTicker":
			faults = append(faults, "uses "+call)
		}
	}
	return faults
}

func participantsAndOrchestratorMeetInTheProtocol(f file) []string {
	switch {
	case f.test:
		return nil
	case within(f.dir, "participants"):
		return never(f, "./orchestrator", "./sagas", "./cmd")
	case within(f.dir, "orchestrator"):
		return only(f, func(imp string) bool {
			return !within(imp, "./participants", "./cmd") || imp == "./participants/protocol"
		})
	}
	return nil
}

var adapters = []string{"natsjournal", "redisview", "inmem", "client", "natsservice", "console", "telemetry"}

func adaptersKnowOneTechnologyAndNotEachOther(f file) (faults []string) {
	name, _, _ := strings.Cut(strings.TrimPrefix(f.dir, "orchestrator/"), "/")
	if f.test || !within(f.dir, "orchestrator") || !slices.Contains(adapters, name) {
		return nil
	}
	for _, other := range adapters {
		if other != name {
			faults = append(faults, never(f, "./orchestrator/"+other)...)
		}
	}
	if name != "redisview" {
		faults = append(faults, never(f, redis)...)
	}
	if name == "redisview" || name == "inmem" || name == "console" || name == "telemetry" {
		faults = append(faults, never(f, nats)...)
	}
	return faults
}

func thePortsKnowNoTechnology(f file) []string {
	if f.test || f.dir != "orchestrator" && f.dir != "orchestrator/verbs" {
		return nil
	}
	forbidden := []string{nats, natsServer, redis, miniredis}
	for _, adapter := range adapters {
		forbidden = append(forbidden, "./orchestrator/"+adapter)
	}
	return never(f, forbidden...)
}

func onlyTestsImportWhatIsMadeForThem(f file) (faults []string) {
	if f.test {
		return nil
	}
	if !within(f.dir, "orchestrator/simulation", "cmd") {
		faults = never(f, "./orchestrator/inmem")
	}
	if strings.HasSuffix(path.Base(f.dir), "test") {
		return faults // suites may build on each other
	}
	return append(faults, never(f, "./orchestrator/orchestratortest", "./participants/participantstest",
		"./internal/natstest", "./internal/pythontest", "./internal/redistest", "testing")...)
}

// Who uses a package of ours brings the exporters that it wants.
func exportersAreTheCommands(f file) []string {
	if f.test || within(f.dir, "cmd") || within(f.dir, "internal") && strings.HasSuffix(path.Base(f.dir), "test") {
		return nil
	}
	return never(f, "go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters", "go.opentelemetry.io/contrib",
		"go.opentelemetry.io/proto", "github.com/prometheus", "google.golang.org")
}

func serversRunInCommandsAndTests(f file) []string {
	if f.test || within(f.dir, "cmd") || within(f.dir, "internal") && strings.HasSuffix(path.Base(f.dir), "test") {
		return nil
	}
	return never(f, natsServer, miniredis)
}

// The pages are files: what they show comes over HTTP. Their picture is made of
// a definition, without I/O.
func thePagesAskTheAPIAlone(f file) []string {
	switch {
	case f.test:
		return nil
	case within(f.dir, "orchestrator/console/ui"):
		return only(f, standard)
	case within(f.dir, "orchestrator/console/graph"):
		return only(f, func(imp string) bool { return imp == "slices" || within(imp, "./sagas") })
	}
	return nil
}

func filesAreShort(f file) []string {
	if !f.test && f.lines > 500 {
		return []string{fmt.Sprintf("has %d lines: look for the seam", f.lines)}
	}
	return nil
}

func testsDoNotSleep(f file) []string {
	if f.test && slices.Contains(f.calls, "time.Sleep") {
		return []string{"sleeps: wait for what happens, with a deadline"}
	}
	return nil
}

func packagesSayWhatTheyAreFor(f file) (faults []string) {
	for _, part := range strings.Split(f.dir, "/") {
		switch part {
		case "pkg", "common", "types", "models", "util", "utils", "helpers", "misc":
			faults = append(faults, fmt.Sprintf("is in %q: a name says what for, and on what", part))
		}
	}
	return faults
}
