package orchestrator

import "container/heap"

// An agenda keeps one number a key and knows the smallest: the timers of a
// partition's sagas, and the sequences that hold its position.
type agenda struct {
	entries map[string]*entry
	heap    entryHeap
}

type entry struct {
	key   string
	at    int64
	index int
}

func newAgenda() *agenda { return &agenda{entries: make(map[string]*entry)} }

// set puts key at a number, in place of the one it had.
func (a *agenda) set(key string, at int64) {
	if e := a.entries[key]; e != nil {
		if e.at != at {
			e.at = at
			heap.Fix(&a.heap, e.index)
		}
		return
	}
	e := &entry{key: key, at: at}
	a.entries[key] = e
	heap.Push(&a.heap, e)
}

// add puts key at a number unless it has one.
func (a *agenda) add(key string, at int64) {
	if a.entries[key] == nil {
		a.set(key, at)
	}
}

// remove forgets key.
func (a *agenda) remove(key string) {
	if e := a.entries[key]; e != nil {
		heap.Remove(&a.heap, e.index)
		delete(a.entries, key)
	}
}

// first returns the key with the smallest number.
func (a *agenda) first() (key string, at int64, ok bool) {
	if len(a.heap) == 0 {
		return "", 0, false
	}
	return a.heap[0].key, a.heap[0].at, true
}

type entryHeap []*entry

func (h entryHeap) Len() int           { return len(h) }
func (h entryHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h entryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *entryHeap) Push(x any) {
	e := x.(*entry)
	e.index = len(*h)
	*h = append(*h, e)
}

func (h *entryHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}
