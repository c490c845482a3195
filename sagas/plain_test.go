package sagas_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

type basket struct {
	ID    string         `json:"id"`
	Lines []int          `json:"lines"`
	Notes map[string]int `json:"notes"`
	Owner *string        `json:"owner"`
}

// greedy is a definition of two steps whose functions change all of the data
// that they can reach.
func greedy[S any](describe func(*S) string, spoil func(*S)) sagas.Definition {
	type request struct {
		Saw string `json:"saw"`
	}
	make := func(s S) request {
		r := request{describe(&s)}
		spoil(&s)
		return r
	}
	step := func(name string) sagas.StepOf[S, protocol.None] {
		does := protocol.NewAction[request, protocol.None]("greedy", name)
		return sagas.Step(name, does, make, func(s *S, _ protocol.None) {}).
			UndoneBy(sagas.By(does, func(s S, _ *protocol.None) request { return make(s) }))
	}
	return sagas.Define("greedy", 1, step("first"), step("second")).
		Check(func(s S) error { spoil(&s); return nil }).Definition
}

// Whatever a function does to the data that it gets, the next one gets it as
// the input says it.
func TestNoMappingSeesWhatAnotherChanged(t *testing.T) {
	t.Parallel()
	plain := greedy(
		func(o *order) string { return o.ID + " " + strconv.Itoa(o.Units) + o.Reservation },
		func(o *order) { *o = order{"spoilt", 99, "spoilt", "spoilt"} })
	shared := greedy(
		func(b *basket) string {
			return b.ID + " " + strconv.Itoa(b.Lines[0]) + " " + strconv.Itoa(b.Notes["a"]) + " " + *b.Owner
		},
		func(b *basket) { b.ID, b.Lines[0], b.Notes["a"], *b.Owner = "spoilt", 99, 99, "spoilt" })
	for name, tt := range map[string]struct {
		def         sagas.Definition
		input, want string
	}{
		"plain":  {plain, `{"id":"o-1","units":3}`, "o-1 3"},
		"shared": {shared, `{"id":"b-1","lines":[3],"notes":{"a":4},"owner":"ann"}`, "b-1 3 4 ann"},
	} {
		want := `{"saw":"` + tt.want + `"}`
		def := tt.def.ForOne()
		for range 2 {
			if err := def.Accept([]byte(tt.input)); err != nil {
				t.Fatal(err)
			}
			for step := range 2 {
				known := sagas.Known{Input: []byte(tt.input), Outputs: map[int][]byte{0: nil}}
				for what, request := range map[string]func(int, sagas.Known) ([]byte, error){"do": def.Request, "undo": def.UndoRequest} {
					if got, err := request(step, known); err != nil || string(got) != want {
						t.Errorf("%s: %s %d: got %s, %v, want %s", name, what, step, got, err, want)
					}
				}
			}
		}
	}
}

// It is the input that says what the data is, also where there was another one.
func TestADefinitionForOneReadsEachInput(t *testing.T) {
	t.Parallel()
	def := sagas.Define("place-order", 1, reserveStep()).ForOne()
	for range 2 {
		for _, id := range []string{"o-1", "o-2"} {
			want := `{"order":"` + id + `","units":3}`
			got, err := def.Request(0, sagas.Known{Input: []byte(`{"id":"` + id + `","units":3}`)})
			if err != nil || string(got) != want {
				t.Errorf("got %s, %v, want %s", got, err, want)
			}
		}
		if _, err := def.Request(0, sagas.Known{Input: []byte(`{"id":`)}); err == nil {
			t.Error("half of an input was read")
		}
	}
}

// counted is plain, and counts how often it is decoded.
type counted struct{ Text string }

var decodings atomic.Int64

func (c *counted) UnmarshalJSON(body []byte) error {
	decodings.Add(1)
	return json.Unmarshal(body, &c.Text)
}

// A saga may wait for weeks. Its input is not in memory twice meanwhile, unless
// it is a short one.
func TestAShortInputIsDecodedOnceAndALongOneIsNotKept(t *testing.T) {
	t.Parallel()
	does := protocol.NewAction[counted, protocol.None]("p", "a")
	def := sagas.Define("counted", 1,
		sagas.Step("a", does, func(c counted) counted { return c }, nil).NothingToUndo()).Definition
	for _, tt := range []struct {
		length    int
		decodings int64
	}{{1000, 1}, {2000, 3}} {
		own, input, before := def.ForOne(), []byte(`"`+strings.Repeat("x", tt.length)+`"`), decodings.Load()
		if err := own.Accept(input); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := own.Request(0, sagas.Known{Input: input}); err != nil {
				t.Fatal(err)
			}
		}
		if got := decodings.Load() - before; got != tt.decodings {
			t.Errorf("an input of %d bytes was decoded %d times, want %d", len(input), got, tt.decodings)
		}
	}
}

func TestADefinitionWithoutFunctionsIsForOneToo(t *testing.T) {
	t.Parallel()
	def := sagas.Definition{Name: "place-order", Version: 1, Steps: sagas.Define("place-order", 1, reserveStep()).Steps}.ForOne()
	if got, err := def.Request(0, sagas.Known{Input: []byte("anything")}); err != nil || string(got) != "anything" {
		t.Errorf("got %s, %v", got, err)
	}
}

// BenchmarkRequest makes the requests of a saga, its input checked first.
func BenchmarkRequest(b *testing.B) {
	type request struct {
		ID       string    `json:"id"`
		Customer string    `json:"customer"`
		Article  string    `json:"article"`
		Units    int       `json:"units"`
		By       time.Time `json:"by"`
	}
	step := func(name string) sagas.StepOf[request, protocol.None] {
		return sagas.Step(name, protocol.NewAction[request, protocol.None]("p", name), func(r request) request { return r }, nil).NothingToUndo()
	}
	def := sagas.Define("order", 1, step("a"), step("b"), step("c")).Definition
	known := sagas.Known{Input: []byte(`{"id":"b-3a7f-01-00001234","customer":"c-17850","article":"85123A","units":6,"by":"2026-11-21T12:00:00Z"}`)}
	b.ReportAllocs()
	for b.Loop() {
		own := def.ForOne()
		if err := own.Accept(known.Input); err != nil {
			b.Fatal(err)
		}
		for step := range 3 {
			if _, err := own.Request(step, known); err != nil {
				b.Fatal(err)
			}
		}
	}
}
