package sagas_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

type order struct {
	ID          string `json:"id"`
	Units       int    `json:"units"`
	Reservation string `json:"-"`
	Payment     string `json:"-"`
}

type (
	reserveRequest struct {
		Order string `json:"order"`
		Units int    `json:"units"`
	}
	reservation    struct{ ID string }
	releaseRequest struct{ Order, Reservation string }
	chargeRequest  struct{ Reservation string }
	payment        struct{ ID string }
)

var (
	reserve = protocol.NewAction[reserveRequest, reservation]("inventory", "reserve")
	release = protocol.NewAction[releaseRequest, protocol.None]("inventory", "release")
	charge  = protocol.NewAction[chargeRequest, payment]("payment", "charge")
	refund  = protocol.NewAction[chargeRequest, protocol.None]("payment", "refund")
	screen  = protocol.NewAction[protocol.None, protocol.None]("fraud", "check")
	ship    = protocol.NewAction[chargeRequest, protocol.None]("shipping", "ship")
)

func reserveStep() sagas.StepOf[order, reservation] {
	return sagas.Step("reserve", reserve,
		func(o order) reserveRequest { return reserveRequest{o.ID, o.Units} },
		func(o *order, r reservation) { o.Reservation = r.ID }).
		UndoneBy(sagas.By(release, func(o order, done *reservation) releaseRequest {
			r := releaseRequest{Order: o.ID}
			if done != nil {
				r.Reservation = done.ID
			}
			return r
		}))
}

func chargeStep() sagas.StepOf[order, payment] {
	return sagas.Step("charge", charge,
		func(o order) chargeRequest { return chargeRequest{o.Reservation} },
		func(o *order, p payment) { o.Payment = p.ID }).
		UndoneBy(sagas.By(refund, func(o order, _ *payment) chargeRequest { return chargeRequest{o.Reservation} }))
}

func screenStep() sagas.StepOf[order, protocol.None] {
	return sagas.Step("screen", screen, func(o order) protocol.None { return protocol.None{} }, nil).NothingToUndo()
}

func shipStep() sagas.StepOf[order, protocol.None] {
	return sagas.Step("ship", ship, func(o order) chargeRequest { return chargeRequest{o.Payment} }, nil).Pivot()
}

func TestDefineOrdersStepsAlongTheGraph(t *testing.T) {
	again := sagas.Step("again", screen, func(order) protocol.None { return protocol.None{} }, nil).NothingToUndo()
	d := sagas.Define("place-order", 1,
		reserveStep(),
		sagas.Parallel(chargeStep(), sagas.Sequence(screenStep(), again)),
		sagas.Parallel[order](), // an empty part changes nothing
		shipStep(),
	)
	if err := d.Validate(); err != nil {
		t.Fatal(err)
	}
	got := map[string][]int{}
	for _, s := range d.Steps {
		got[s.Name] = s.After
	}
	want := map[string][]int{"reserve": nil, "charge": {0}, "screen": {0}, "again": {2}, "ship": {1, 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !d.Precedes(0, 4) || !d.Precedes(2, 4) || d.Precedes(1, 3) || d.Precedes(4, 0) || d.Precedes(1, 1) {
		t.Error("Precedes does not follow the graph")
	}
	if diff := cmp.Diff([]string{"inventory", "payment", "fraud", "shipping"}, d.Participants()); diff != "" {
		t.Error(diff)
	}
}

// The data of a mapping is what the steps before gave, never what happened to
// be known of a step beside it.
func TestRequestSeesOnlyOutputsOfPredecessors(t *testing.T) {
	beside := sagas.Step("beside", charge,
		func(o order) chargeRequest { return chargeRequest{"payment=" + o.Payment} }, nil).NothingToUndo()
	d := sagas.Define("place-order", 1, reserveStep(), sagas.Parallel(chargeStep(), beside), shipStep())
	known := sagas.Known{
		Input:   []byte(`{"id":"o-1","units":3}`),
		Outputs: map[int][]byte{0: []byte(`{"ID":"r-1"}`), 1: []byte(`{"ID":"p-1"}`)},
	}
	for step, want := range map[int]string{
		0: `{"order":"o-1","units":3}`,
		1: `{"Reservation":"r-1"}`,
		2: `{"Reservation":"payment="}`,
		3: `{"Reservation":"p-1"}`,
	} {
		got, err := d.Request(step, known)
		if err != nil || string(got) != want {
			t.Errorf("step %d: got %s, %v, want %s", step, got, err, want)
		}
	}
	value, err := d.Value(known)
	if want := (order{"o-1", 3, "r-1", "p-1"}); err != nil || value != want {
		t.Errorf("value: got %+v, %v, want %+v", value, err, want)
	}
}

func TestUndoRequestGetsTheOutputOnlyWhereItIsKnown(t *testing.T) {
	d := sagas.Define("place-order", 1, reserveStep(), chargeStep())
	known := sagas.Known{Input: []byte(`{"id":"o-1","units":3}`)}
	if got, err := d.UndoRequest(0, known); err != nil || string(got) != `{"Order":"o-1","Reservation":""}` {
		t.Errorf("unknown output: got %s, %v", got, err)
	}
	known.Outputs = map[int][]byte{0: []byte(`{"ID":"r-1"}`), 1: []byte(`{"ID":"p-1"}`)}
	if got, err := d.UndoRequest(0, known); err != nil || string(got) != `{"Order":"o-1","Reservation":"r-1"}` {
		t.Errorf("known output: got %s, %v", got, err)
	}
	if got, err := d.UndoRequest(1, known); err != nil || string(got) != `{"Reservation":"r-1"}` {
		t.Errorf("data before the step: got %s, %v", got, err)
	}
}

func TestAcceptRefusesInputThatTheSagaCannotRunOn(t *testing.T) {
	d := sagas.Define("place-order", 1, reserveStep(), chargeStep()).Check(func(o order) error {
		if o.Units <= 0 {
			return errors.New("an order has at least one unit")
		}
		return nil
	})
	for input, want := range map[string]string{
		`{"id":"o-1","units":1}`:           "",
		`{"id":"o-1","units":0}`:           "at least one unit",
		`{"id":"o-1","units":"one"}`:       "cannot unmarshal",
		`{"id":"o-1","units":1,"units":2}`: "twice",
		`{"id":"o-1"`:                      "cut short",
		"":                                 "empty",
		strings.Repeat("[", 10000):         "nested deeper",
	} {
		err := d.Accept([]byte(input))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: got %v, want %q", input, err, want)
		}
	}
	if d.AcceptOutput(0, []byte(`{"ID":7}`)) == nil || d.AcceptOutput(0, []byte(`{"ID":"7"}`)) != nil {
		t.Error("AcceptOutput does not follow the output's type")
	}
}

func TestValidateSaysEverythingThatIsWrongAtOnce(t *testing.T) {
	nilled := sagas.Step("nilled", reserve, func(o order) reserveRequest { return reserveRequest{} }, nil).
		UndoneBy(sagas.By(release, func(o order, done *reservation) releaseRequest { return releaseRequest{Reservation: done.ID} }))
	d := sagas.Define("no good", 0,
		nilled,
		sagas.Step("forever", charge, func(o order) chargeRequest { return chargeRequest{} }, nil).
			NothingToUndo().Retry(sagas.Backoff(0, time.Second)).Timeout(-time.Second),
		sagas.Step[order]("start", charge, nil, nil),
		sagas.Step("elsewhere", charge, func(o order) chargeRequest { return chargeRequest{} }, nil).
			UndoneBy(sagas.By(release, func(o order, _ *payment) releaseRequest { return releaseRequest{} })),
		chargeStep().NothingToUndo(),
		sagas.Parallel(shipStep(), screenStep()),
		reserveStep(), shipStep().OnTimeout(sagas.TurnBack), shipStep(),
	)
	err := d.Validate()
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{
		`definition "no good" has " " at byte 2`,
		"versions count from 1",
		`step "nilled": its compensation's request needs the step's output`,
		`step "forever": 0 attempts`,
		`step "forever": a time-out of -1s`,
		`step "start" is a word of the protocol`,
		`step "start": no function makes its request`,
		`step "start": it cannot be undone`,
		`step "elsewhere": its compensation is inventory's, whose barrier cannot know what became of payment's step`,
		`step "charge": it has a compensation, and yet nothing to undo`,
		`step "screen": it runs beside the pivot "ship"`,
		`step "reserve": it comes after the pivot`,
		`step "ship": two steps have this name`,
		`step "ship": step "ship" is the pivot already`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not said: %s", want)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestValidateRefusesAGraphThatIsNone(t *testing.T) {
	d := sagas.Define("place-order", 1, reserveStep(), chargeStep()).Definition
	d.Steps[0].After = []int{1}
	if err := d.Validate(); err == nil || !strings.Contains(err.Error(), "does not come before it") {
		t.Errorf("got %v", err)
	}
}

func TestFingerprintIsOfTheStructure(t *testing.T) {
	base := sagas.Define("place-order", 1, reserveStep(), chargeStep())
	same := sagas.Define("place-order", 1, reserveStep().Timeout(time.Minute), chargeStep().Retry(sagas.Once()))
	if base.Fingerprint() != same.Fingerprint() {
		t.Error("a time-out or a retry policy changed the fingerprint")
	}
	for what, other := range map[string]sagas.Typed[order]{
		"order":        sagas.Define("place-order", 1, chargeStep(), reserveStep()),
		"parallel":     sagas.Define("place-order", 1, sagas.Parallel(reserveStep(), chargeStep())),
		"pivot":        sagas.Define("place-order", 1, reserveStep(), chargeStep().Pivot()),
		"compensation": sagas.Define("place-order", 1, reserveStep(), chargeStep().UndoneBy(sagas.By(release, func(order, *payment) releaseRequest { return releaseRequest{} }))),
		"version":      sagas.Define("place-order", 2, reserveStep(), chargeStep()),
	} {
		if base.Fingerprint() == other.Fingerprint() {
			t.Errorf("the fingerprint misses a change of the %s", what)
		}
	}
}

func TestPolicyWaitsDoubleUpToTheirCapAndJitterOnlyShortens(t *testing.T) {
	p := sagas.Backoff(9, time.Second).Cap(10 * time.Second).Jitter(0.5)
	for n, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 5: 10 * time.Second, 90: 10 * time.Second} {
		if got := p.Wait(n, 0); got != want {
			t.Errorf("after attempt %d: got %v, want %v", n, got, want)
		}
		if got := p.Wait(n, 0.999999); got > want || got < want/2 {
			t.Errorf("after attempt %d with jitter: got %v, want %v to %v", n, got, want/2, want)
		}
	}
}
