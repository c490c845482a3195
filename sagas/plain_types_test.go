package sagas

import (
	"encoding/json"
	"reflect"
	"sync/atomic"
	"testing"
	"time"
	"unique"
	"unsafe"
)

// An author's data may be of any type. Only of those whose copies share nothing
// may one step have what another had.
func TestWhatIsPlain(t *testing.T) {
	t.Parallel()
	type flat struct {
		Text  string
		Units [3]int
		At    time.Time
	}
	type nested struct {
		flat
		Number json.Number
		On     struct{ Yes bool }
	}
	type withSlice struct{ _ []int }
	type withPointer struct{ *flat }
	type withInterface struct{ error }
	for _, one := range []any{
		true, "", 1, uint8(1), 1.5, 1i, time.Second, time.Time{}, [2]time.Time{}, struct{}{}, flat{}, nested{}, [2]nested{}, atomic.Int64{},
	} {
		if typ := reflect.TypeOf(one); !plain(typ) {
			t.Errorf("%v is not plain", typ)
		}
	}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[any](), reflect.TypeFor[error](), reflect.TypeFor[*flat](), reflect.TypeFor[[]byte](), reflect.TypeFor[json.RawMessage](),
		reflect.TypeFor[map[string]int](), reflect.TypeFor[func()](), reflect.TypeFor[chan int](), reflect.TypeFor[uintptr](), reflect.TypeFor[unsafe.Pointer](),
		reflect.TypeFor[[1][]int](), reflect.TypeFor[[0]*int](), reflect.TypeFor[withSlice](), reflect.TypeFor[withPointer](), reflect.TypeFor[withInterface](),
		reflect.TypeFor[struct{ Inner [2]withSlice }](), reflect.TypeFor[unique.Handle[string]](), reflect.TypeFor[atomic.Value](),
	} {
		if plain(typ) {
			t.Errorf("%v is plain", typ)
		}
	}
}
