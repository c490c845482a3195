package sagas_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/sagas"
)

// The registry keeps definitions as data: whoever reads one must find the same
// structure, though not the author's functions.
func TestADefinitionReadAsDataHasTheSameStructure(t *testing.T) {
	d := sagas.Define("place-order", 3, reserveStep(), sagas.Parallel(chargeStep(), screenStep()), shipStep()).Definition
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var read sagas.Definition
	if err := json.Unmarshal(b, &read); err != nil {
		t.Fatal(err)
	}
	if err := read.Validate(); err != nil {
		t.Error(err)
	}
	if read.Fingerprint() != d.Fingerprint() {
		t.Errorf("the fingerprint of %s is another one", b)
	}
	if diff := cmp.Diff(d.Steps, read.Steps); diff != "" {
		t.Error(diff)
	}
}

func TestADefinitionWithoutFunctionsHandsTheInputOnAsItIs(t *testing.T) {
	d := sagas.Definition{Name: "place-order", Version: 1, Steps: sagas.Define("place-order", 1, reserveStep()).Steps}
	known := sagas.Known{Input: []byte("anything"), Outputs: map[int][]byte{0: []byte("whatever")}}
	if err := d.Accept(known.Input); err != nil {
		t.Error(err)
	}
	if err := d.AcceptOutput(0, []byte{0xff}); err != nil {
		t.Error(err)
	}
	for what, request := range map[string]func(int, sagas.Known) ([]byte, error){"do": d.Request, "undo": d.UndoRequest} {
		if got, err := request(0, known); err != nil || string(got) != "anything" {
			t.Errorf("%s: got %s, %v", what, got, err)
		}
	}
}

func TestAnOutputMayBeKnownAndEmpty(t *testing.T) {
	d := sagas.Define("place-order", 1, screenStep(), chargeStep())
	known := sagas.Known{Input: []byte(`{"id":"o-1"}`), Outputs: map[int][]byte{0: nil}}
	if _, err := d.Request(1, known); err != nil {
		t.Errorf("a step that says nothing gave nothing: %v", err)
	}
	known.Outputs[1] = nil
	if _, err := d.Value(known); err == nil {
		t.Error("a payment was read from nothing")
	}
}

// Precedes is what the order of undoing and the data of a mapping hang on.
func TestPrecedesIsTheClosureOfAfter(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		d := sagas.Definition{Steps: make([]sagas.Planned, 1+r.IntN(8))}
		closure := make([][]bool, len(d.Steps)) // closure[j][i]: i comes before j
		for j := range d.Steps {
			closure[j] = make([]bool, len(d.Steps))
			for k := range j {
				if r.IntN(3) > 0 {
					continue
				}
				d.Steps[j].After = append(d.Steps[j].After, k)
				closure[j][k] = true
				for i := range k {
					closure[j][i] = closure[j][i] || closure[k][i]
				}
			}
		}
		for i := range d.Steps {
			for j := range d.Steps {
				if got, want := d.Precedes(i, j), closure[j][i]; got != want {
					t.Fatalf("seed %d: step %d precedes step %d: got %t, want %t", seed, i, j, got, want)
				}
			}
		}
	}
}

func TestMermaidDrawsBothWays(t *testing.T) {
	const want = `flowchart LR
    s0["reserve<br/>inventory.reserve"]
    u0(["inventory.release"])
    s0 -. undone by .-> u0
    s1["charge<br/>payment.charge"]
    s0 --> s1
    u1(["payment.refund"])
    s1 -. undone by .-> u1
    s2["screen<br/>fraud.check<br/>nothing to undo"]
    s0 --> s2
    s3{{"ship<br/>shipping.ship<br/>pivot"}}
    s1 --> s3
    s2 --> s3
`
	d := sagas.Define("place-order", 1, reserveStep(), sagas.Parallel(chargeStep(), screenStep()), shipStep())
	if diff := cmp.Diff(want, d.Mermaid()); diff != "" {
		t.Error(diff)
	}
}
