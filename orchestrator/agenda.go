package orchestrator

// An agenda keeps one number a key and knows the smallest: the timers of a
// partition's sagas, and the sequences that hold its position. Both change
// with every link, so its heap is one of its own, without container/heap's
// calls through an interface.
type agenda struct {
	entries map[string]*entry
	heap    []place  // no number is smaller than that at half its index
	free    []*entry // maxFree at most, as after a herd most are of no use
}

// maxFree is about as many as come and go with the appends under way.
const maxFree = maxFlights

// An entry knows its place, so that its key can be removed.
type entry struct {
	key   string
	index int // in the heap
}

type place struct {
	at int64
	*entry
}

func newAgenda() *agenda { return &agenda{entries: make(map[string]*entry)} }

// set puts key at a number, in place of the one it had.
func (a *agenda) set(key string, at int64) {
	e := a.entries[key]
	if e == nil {
		a.insert(key, at)
		return
	}
	a.fix(e.index, place{at, e})
}

// add puts key at a number unless it has one.
func (a *agenda) add(key string, at int64) {
	if a.entries[key] == nil {
		a.insert(key, at)
	}
}

func (a *agenda) insert(key string, at int64) {
	if len(a.free) == 0 {
		a.free = append(a.free, new(entry))
	}
	n := len(a.free) - 1
	e := a.free[n]
	a.free = a.free[:n]
	e.key = key
	a.entries[key] = e
	a.heap = append(a.heap, place{at, e})
	a.fix(len(a.heap)-1, place{at, e})
}

// remove forgets key.
func (a *agenda) remove(key string) {
	e := a.entries[key]
	if e == nil {
		return
	}
	delete(a.entries, key)
	n := len(a.heap) - 1
	last := a.heap[n]
	a.heap[n] = place{}
	a.heap = a.heap[:n]
	if last.entry != e {
		a.fix(e.index, last)
	}
	if e.key = ""; len(a.free) < maxFree {
		a.free = append(a.free, e)
	}
}

// first returns the key with the smallest number.
func (a *agenda) first() (key string, at int64, ok bool) {
	if len(a.heap) == 0 {
		return "", 0, false
	}
	return a.heap[0].key, a.heap[0].at, true
}

// fix puts p, which belongs at i or thereabouts, where it belongs.
func (a *agenda) fix(i int, p place) {
	for i > 0 && p.at < a.heap[(i-1)/2].at {
		a.put(i, a.heap[(i-1)/2])
		i = (i - 1) / 2
	}
	for {
		child := 2*i + 1
		if child+1 < len(a.heap) && a.heap[child+1].at < a.heap[child].at {
			child++
		}
		if child >= len(a.heap) || p.at <= a.heap[child].at {
			break
		}
		a.put(i, a.heap[child])
		i = child
	}
	a.put(i, p)
}

func (a *agenda) put(i int, p place) {
	a.heap[i] = p
	p.index = i
}
