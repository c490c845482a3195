package orchestrator_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// fill sets each field of v, or leaves it zero, at random.
func fill(r *rand.Rand, v reflect.Value) {
	if r.IntN(3) == 0 {
		return
	}
	switch v.Kind() {
	case reflect.String:
		texts := []string{"reserve", "a b-c_9", `"quoted" \ and <b>&`, "line\nand\ttab", "snö \u2028 \x7f", "\xff broken"}
		v.SetString(texts[r.IntN(len(texts))])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(r.Int64N(1 << 40))
	case reflect.Uint64:
		v.SetUint(r.Uint64())
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"customer": "<7>", "a": "b"}))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(4), 4))
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.Uint8:
		v.SetUint(uint64(r.IntN(256)))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(r.Int64N(4e9), r.Int64N(1e9)).UTC()))
			return
		}
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
	default:
		panic(v.Kind())
	}
}

// Code of our own writes states and events, and encoding/json reads them: what
// the one writes is what the other would.
func TestStatesAndEventsAreWrittenAsEncodingJSONWritesThem(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		var s instance.State
		fill(r, reflect.ValueOf(&s).Elem())
		got, err := orchestrator.EncodeState(s)
		if err != nil {
			t.Fatal(err)
		}
		if want, err := json.Marshal(s); err != nil || string(got) != string(want) {
			t.Fatalf("%v\ngot  %s\nwant %s", err, got, want)
		}
	}
	for _, kind := range everyEvent {
		for range 200 {
			ev := reflect.New(reflect.TypeOf(kind)).Elem()
			fill(r, ev)
			got, err := orchestrator.EncodeEvents([]instance.Event{ev.Interface().(instance.Event)})
			if err != nil {
				t.Fatal(err)
			}
			body, err := json.Marshal(ev.Interface())
			if want := `[{"` + ev.Type().Name() + `":` + string(body) + `}]`; err != nil || got != want {
				t.Fatalf("%v\ngot  %s\nwant %s", err, got, want)
			}
		}
	}
}

// A time that no JSON can hold is an error, not half a row.
func TestATimeBeyondJSONIsAnError(t *testing.T) {
	far := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := orchestrator.EncodeState(instance.State{Started: far}); err == nil {
		t.Error("a state of the year 10,000 was written")
	}
	if _, err := orchestrator.EncodeEvents([]instance.Event{instance.ActionRequested{Due: far}}); err == nil {
		t.Error("an event of the year 10,000 was written")
	}
}
