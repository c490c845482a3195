package orchestratortest

import (
	"errors"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/sagas"
)

func planned(name string, version int, steps ...string) sagas.Definition {
	d := sagas.Definition{Name: name, Version: version}
	for i, step := range steps {
		p := sagas.Planned{
			Name: step, Participant: "payment", Action: "charge", NothingToUndo: true,
			Timeout: time.Second, Retry: sagas.Once(),
		}
		if i > 0 {
			p.After = []int{i - 1}
		}
		d.Steps = append(d.Steps, p)
	}
	return d
}

func (t *journalTest) register(d sagas.Definition) {
	t.Helper()
	if err := t.j.Registry().Register(t.Context(), d); err != nil {
		t.Fatalf("register %s: %v", d, err)
	}
}

// journalRegistry is about definitions.
var journalRegistry = []journalCase{
	{"definitions are listed by name and version", func(t *journalTest) {
		list, err := t.j.Registry().Definitions(t.Context())
		if err != nil || len(list) != 0 {
			t.Fatalf("definitions = %v, %v; want none", list, err)
		}
		for _, d := range []sagas.Definition{planned("b", 1, "x"), planned("a", 10, "x"), planned("a", 2, "x", "y")} {
			t.register(d)
		}
		list, err = t.j.Registry().Definitions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var names, fingerprints []string
		for _, d := range list {
			names, fingerprints = append(names, d.String()), append(fingerprints, d.Fingerprint())
		}
		t.same("names", []string{"a@2", "a@10", "b@1"}, names)
		t.same("fingerprint", planned("a", 2, "x", "y").Fingerprint(), fingerprints[0])
		t.same("step", planned("a", 2, "x", "y").Steps[1], list[0].Steps[1])
	}},
	{"the same structure may be registered again", func(t *journalTest) {
		d := planned("a", 1, "x")
		t.register(d)
		d.Steps[0].Timeout = time.Minute // not of the structure
		t.register(d)
		list, err := t.j.Registry().Definitions(t.Context())
		if err != nil || len(list) != 1 {
			t.Fatalf("definitions = %v, %v; want one", list, err)
		}
	}},
	{"another structure needs another version", func(t *journalTest) {
		first, changed := planned("a", 1, "x"), planned("a", 1, "x", "y")
		t.register(first)
		err := t.j.Registry().Register(t.Context(), changed)
		var e *orchestrator.ChangedError
		if !errors.As(err, &e) {
			t.Fatalf("register = %v, want a ChangedError", err)
		}
		t.same("error", &orchestrator.ChangedError{Definition: "a@1", Want: first.Fingerprint(), Have: changed.Fingerprint()}, e)
		t.register(planned("a", 2, "x", "y"))
	}},
}
