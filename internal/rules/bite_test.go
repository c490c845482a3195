package rules_test

import (
	"strings"
	"testing"
)

// Every rule finds the file that breaks it, and not the one beside it that may.
func TestRulesFindWhatBreaksThem(t *testing.T) {
	imports := func(paths ...string) string {
		return "package x\nimport (\n\t\"" + strings.Join(paths, "\"\n\t\"") + "\"\n)\n"
	}
	const (
		own      = "github.com/amends-io/amends/"
		natsGo   = "github.com/nats-io/nats.go"
		server   = "github.com/nats-io/nats-server/v2/server"
		redisGo  = "github.com/redis/go-redis/v9"
		mini     = "github.com/alicebob/miniredis/v2"
		sleeping = "package x\nimport clock \"time\"\nfunc f() { clock.Sleep(1) }\n"
		now      = "package x\nimport clock \"time\"\nvar f = clock.Now\n"
		day      = "package x\nimport \"time\"\nvar d time.Duration\n"
	)
	for _, test := range []struct {
		name, src string
		want      string // or nothing
	}{
		{"participants/protocol/x.go", imports(own + "sagas"), "imports ./sagas"},
		{"participants/protocol/x.go", imports("github.com/google/uuid"), "imports github.com/google/uuid"},
		{"participants/protocol/x.go", imports("encoding/json", "fmt"), ""},
		{"participants/protocol/x_test.go", imports("github.com/google/go-cmp/cmp"), ""},

		{"sagas/x.go", imports("os"), "imports os"},
		{"sagas/x.go", imports("net/http"), "imports net/http"},
		{"sagas/x.go", imports("math/rand/v2"), "imports math/rand/v2"},
		{"sagas/placeorder/x.go", imports("context"), "imports context"},
		{"sagas/placeorder/x.go", imports(natsGo), "imports " + natsGo},
		{"sagas/placeorder/x.go", imports(own+"sagas", own+"sagas/placeorder/contract", own+"participants/protocol"), ""},
		{"sagas/placeorder/x.go", imports(own + "participants"), "imports ./participants"},

		{"orchestrator/instance/x.go", imports("context"), "imports context"},
		{"orchestrator/instance/x.go", imports("encoding/json"), "imports encoding/json"},
		{"orchestrator/instance/x.go", imports(own + "orchestrator"), "imports ./orchestrator"},
		{"orchestrator/instance/x.go", imports("errors", "fmt", "slices", "time", own+"sagas", own+"participants/protocol"), ""},
		{"orchestrator/instance/x.go", now, "uses time.Now"},
		{"sagas/x.go", now, "uses time.Now"},
		{"sagas/x.go", day, ""},
		{"orchestrator/x.go", now, ""},

		{"participants/x.go", imports(own + "orchestrator/instance"), "imports ./orchestrator/instance"},
		{"participants/redisbarrier/x.go", imports(own+"participants", redisGo), ""},
		{"orchestrator/client/x.go", imports(own + "participants"), "imports ./participants"},
		{"orchestrator/x.go", imports(own + "participants/redisbarrier"), "imports ./participants/redisbarrier"},
		{"orchestrator/x.go", imports(own + "participants/protocol"), ""},
		{"orchestrator/x_test.go", imports(own + "participants"), ""},

		{"orchestrator/natsjournal/x.go", imports(own + "orchestrator/redisview"), "imports ./orchestrator/redisview"},
		{"orchestrator/natsjournal/x.go", imports(redisGo), "imports " + redisGo},
		{"orchestrator/natsjournal/x.go", imports(own+"orchestrator", natsGo+"/jetstream"), ""},
		{"orchestrator/redisview/x.go", imports(natsGo), "imports " + natsGo},
		{"orchestrator/console/pages/x.go", imports(redisGo), "imports " + redisGo},
		{"orchestrator/console/ui/x.go", imports(own + "orchestrator/verbs"), "imports ./orchestrator/verbs"},
		{"orchestrator/console/ui/x.go", imports("embed", "net/http"), ""},
		{"orchestrator/console/graph/x.go", imports("net/http"), "imports net/http"},
		{"orchestrator/console/graph/x.go", imports("slices", own+"sagas"), ""},
		{"orchestrator/console/pages/x.go", imports(own + "orchestrator/client"), "imports ./orchestrator/client"},
		{"orchestrator/x.go", imports(natsGo), "imports " + natsGo},
		{"orchestrator/verbs/x.go", imports(natsGo), "imports " + natsGo},
		{"orchestrator/verbs/x.go", imports(own + "orchestrator/client"), "imports ./orchestrator/client"},
		{"orchestrator/client/x.go", imports(own + "orchestrator/verbs"), ""},
		{"orchestrator/x.go", imports(own + "orchestrator/natsjournal"), "imports ./orchestrator/natsjournal"},

		{"orchestrator/x.go", imports(own + "orchestrator/inmem"), "imports ./orchestrator/inmem"},
		{"orchestrator/simulation/x.go", imports(own + "orchestrator/inmem"), ""},
		{"cmd/amends/x.go", imports(own+"orchestrator/inmem", server, mini), ""},
		{"participants/x.go", imports("go.opentelemetry.io/otel/sdk/trace"), "imports go.opentelemetry.io/otel/sdk/trace"},
		{"participants/x.go", imports("go.opentelemetry.io/otel/trace"), ""},
		{"orchestrator/telemetry/x.go", imports("go.opentelemetry.io/otel/exporters/prometheus"), "imports go.opentelemetry.io/otel/exporters/prometheus"},
		{"orchestrator/telemetry/spans/x.go", imports(natsGo), "imports " + natsGo},
		{"orchestrator/telemetry/x.go", imports(own + "orchestrator/redisview"), "imports ./orchestrator/redisview"},
		{"orchestrator/telemetry/x_test.go", imports("go.opentelemetry.io/otel/sdk/trace"), ""},
		{"cmd/amends/x.go", imports("go.opentelemetry.io/otel/sdk/trace"), ""},
		{"cmd/amends/x.go", imports(own + "orchestrator/orchestratortest"), "imports ./orchestrator/orchestratortest"},
		{"cmd/amends/x.go", imports("testing"), "imports testing"},
		{"internal/natstest/x.go", imports(server, "testing"), ""},
		{"internal/tools/x.go", imports(server), "imports " + server},
		{"participants/redisbarrier/x.go", imports(mini), "imports " + mini},
		{"participants/redisbarrier/x_test.go", imports(mini, own+"participants/participantstest"), ""},

		{"cmd/amends/x.go", "package x\n" + strings.Repeat("\n", 500), "lines"},
		{"cmd/amends/x_test.go", "package x\n" + strings.Repeat("\n", 500), ""},
		{"cmd/amends/x_test.go", sleeping, "sleeps"},
		{"cmd/amends/x.go", sleeping, ""},
		{"internal/util/x.go", "package x\n", `is in "util"`},
	} {
		f, err := read(test.name, test.name, test.src)
		if err != nil {
			t.Fatal(err)
		}
		faults := strings.Join(check(f), "\n")
		if (faults == "") != (test.want == "") || !strings.Contains(faults, test.want) {
			t.Errorf("%s\n%sgot %q, want %q", test.name, test.src, faults, test.want)
		}
	}
}
