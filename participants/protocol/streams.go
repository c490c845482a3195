package protocol

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Keys of a stream's metadata. The partition count is fixed when the journal
// is made, and read from here by everybody else.
const (
	MetadataPartitions = "amends-partitions"
	MetadataPrefix     = "amends-prefix"
)

// What a participant's durable consumers have in common, whoever makes them.
const (
	CommandAckWait       = 30 * time.Second // then a command that nobody acknowledged comes again
	CommandMaxAckPending = 4096
)

// Stream is the name of the JetStream stream of one partition.
func (s Subjects) Stream(p int) string {
	return strings.ToUpper(s.prefix()) + "-" + strconv.Itoa(p)
}

// Durable is the name of a participant's consumer, the same in every partition.
func Durable(participant string) string { return participant }

// Partitions reads the partition count from a stream's metadata.
func Partitions(metadata map[string]string) (int, error) {
	text := metadata[MetadataPartitions]
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("stream metadata %s: %.40q is no partition count", MetadataPartitions, text)
	}
	return n, nil
}
