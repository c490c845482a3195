package bench

import (
	"os"
	"strconv"
	"strings"
)

// machineCPU is what everything on this machine has used, in ms, and what its
// host took away; ok is false where the system does not tell in this way.
func machineCPU() (ms float64, ok bool) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	return busy(string(text))
}

// busy reads the first line of /proc/stat: ticks of 10 ms that were spent in
// user, nice, system, idle, iowait, irq, softirq, steal.
func busy(stat string) (ms float64, ok bool) {
	const idle, iowait, all = 3, 4, 8
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 1+all || fields[0] != "cpu" {
		return 0, false
	}
	for i, text := range fields[1 : 1+all] {
		ticks, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return 0, false
		}
		if i != idle && i != iowait {
			ms += 10 * float64(ticks)
		}
	}
	return ms, true
}
