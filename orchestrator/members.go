package orchestrator

import (
	"hash/fnv"
	"slices"
	"strings"
)

// Keys of leases.
const (
	memberKey    = "member."
	partitionKey = "partition."
)

// A memberRecord is what a member says of itself.
type memberRecord struct {
	Name        string   `json:"name"`
	Definitions []string `json:"definitions"` // name@version/fingerprint, sorted
}

// wanted returns which member should own partition p: of those that can decide
// for whatever another can, the one with the highest hash. Members that come
// or go move no partitions but their own.
func wanted(members []memberRecord, p int) string {
	var best string
	var high uint64
	for _, m := range members {
		if outclassed(m, members) {
			continue
		}
		h := fnv.New64a()
		_, _ = h.Write([]byte(m.Name))
		_, _ = h.Write([]byte{0, byte(p), byte(p >> 8), byte(p >> 16)})
		if n := mix(h.Sum64()); best == "" || n > high || n == high && m.Name < best {
			best, high = m.Name, n
		}
	}
	return best
}

// mix spreads a hash: FNV alone moves its last byte into the low bits only,
// and one member would win every partition.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// outclassed reports whether m lacks a definition that another member has who
// has all of m's: that one must decide, else sagas would be parked.
func outclassed(m memberRecord, members []memberRecord) bool {
	for _, other := range members {
		if len(other.Definitions) > len(m.Definitions) && containsAll(other.Definitions, m.Definitions) {
			return true
		}
	}
	return false
}

func containsAll(all, some []string) bool {
	for _, s := range some {
		if !slices.Contains(all, s) {
			return false
		}
	}
	return true
}

// isKey returns what follows prefix in a key of leases.
func isKey(key, prefix string) (rest string, ok bool) { return strings.CutPrefix(key, prefix) }
