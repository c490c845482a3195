package natsjournal

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/participants/protocol"
)

// A DifferentError says which field of an existing stream is not as the
// journal needs it.
type DifferentError struct {
	Stream, Field string // the field as in the stream's JSON configuration
	Want, Have    string
}

func (e *DifferentError) Error() string {
	return fmt.Sprintf("stream %s: %s is %s, want %s", e.Stream, e.Field, e.Have, e.Want)
}

// check compares the fields that the journal relies on. Others, such as the
// replicas, the placement and a bound in bytes, are the operator's.
func check(want, have jetstream.StreamConfig) error {
	// Streams that were made earlier announce more, which costs the server
	// something and nobody minds.
	announced := []jetstream.RePublish{*want.RePublish, announceLinks(*want.RePublish), announceAll(want)}
	for _, field := range []struct {
		name       string
		want, have any
		ok         bool
	}{
		{name: "subjects", want: want.Subjects, have: have.Subjects},
		{name: "metadata." + protocol.MetadataPartitions, want: want.Metadata[protocol.MetadataPartitions], have: have.Metadata[protocol.MetadataPartitions]},
		{name: "metadata." + protocol.MetadataPrefix, want: want.Metadata[protocol.MetadataPrefix], have: have.Metadata[protocol.MetadataPrefix]},
		{name: "storage", want: want.Storage, have: have.Storage},
		{name: "retention", want: want.Retention, have: have.Retention},
		{name: "discard", want: want.Discard, have: have.Discard},
		{name: "discard_new_per_subject", want: true, have: have.DiscardNewPerSubject},
		{name: "max_msgs_per_subject", want: "at least " + strconv.Itoa(MaxMessagesPerSubject), have: have.MaxMsgsPerSubject,
			ok: have.MaxMsgsPerSubject >= MaxMessagesPerSubject},
		{name: "max_msgs", want: -1, have: have.MaxMsgs, ok: have.MaxMsgs <= 0},
		{name: "max_msg_size", want: "none, or at least " + strconv.Itoa(minPayload), have: have.MaxMsgSize,
			ok: have.MaxMsgSize <= 0 || have.MaxMsgSize >= minPayload},
		{name: "max_age", want: want.MaxAge, have: have.MaxAge},
		{name: "duplicate_window", want: "at most " + duplicateWindow.String(), have: have.Duplicates, ok: have.Duplicates <= duplicateWindow},
		{name: "deny_delete", want: true, have: have.DenyDelete},
		{name: "deny_purge", want: false, have: have.DenyPurge},
		{name: "allow_direct", want: true, have: have.AllowDirect},
		{name: "republish", want: *want.RePublish, have: value(have.RePublish), ok: slices.Contains(announced, value(have.RePublish))},
		{name: "compression", want: jetstream.NoCompression, have: have.Compression},
		{name: "allow_rollup_hdrs", want: false, have: have.AllowRollup},
		{name: "allow_msg_ttl", want: false, have: have.AllowMsgTTL},
		{name: "allow_msg_schedules", want: false, have: have.AllowMsgSchedules},
		{name: "allow_msg_counter", want: false, have: have.AllowMsgCounter},
		{name: "allow_batched", want: false, have: have.AllowBatchPublish},
		{name: "persist_mode", want: jetstream.DefaultPersistMode, have: have.PersistMode},
		{name: "no_ack", want: false, have: have.NoAck},
		{name: "sealed", want: false, have: have.Sealed},
		{name: "mirror", want: false, have: have.Mirror != nil},
		{name: "sources", want: 0, have: len(have.Sources)},
		{name: "subject_transform", want: false, have: have.SubjectTransform != nil},
	} {
		if !field.ok && !reflect.DeepEqual(field.want, field.have) {
			return &DifferentError{
				Stream: cmp.Or(have.Name, want.Name), Field: field.name,
				Want: fmt.Sprint(field.want), Have: fmt.Sprint(field.have),
			}
		}
	}
	return nil
}

// announceLinks is what r was when commands were announced too.
func announceLinks(r jetstream.RePublish) jetstream.RePublish {
	r.Source = strings.Replace(r.Source, ".out.-.", ".out.*.", 1)
	r.Destination = strings.Replace(r.Destination, ".out.-.", ".out.{{wildcard(2)}}.", 1)
	return r
}

// announceAll is what it was before that.
func announceAll(want jetstream.StreamConfig) jetstream.RePublish {
	subjects := protocol.Subjects{Prefix: want.Metadata[protocol.MetadataPrefix]}
	return jetstream.RePublish{Source: want.Subjects[0], Destination: subjects.Feed(want.Subjects[0])}
}

func value(r *jetstream.RePublish) jetstream.RePublish {
	if r == nil {
		return jetstream.RePublish{}
	}
	return *r
}
