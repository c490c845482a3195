package protocol_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/participants/protocol"
)

func TestSubjects(t *testing.T) {
	t.Parallel()
	var s protocol.Subjects
	other := protocol.Subjects{Prefix: "test"}
	for _, tt := range []struct {
		got, want string
		address   protocol.Address // zero for a subject that matches many
		input     bool
	}{
		{s.Start(3, "order-1"), "saga.3.order-1.in.start.chain", protocol.Address{Partition: 3, ID: "order-1", Kind: protocol.KindStart}, true},
		{s.Link(3, "order-1", "payment"), "saga.3.order-1.out.payment.chain", protocol.Address{Partition: 3, ID: "order-1", Kind: protocol.KindLink, Name: "payment"}, false},
		{s.Link(3, "order-1", protocol.NoOne), "saga.3.order-1.out.-.chain", protocol.Address{Partition: 3, ID: "order-1", Kind: protocol.KindLink, Name: "-"}, false},
		{s.Reply(3, "order-1", "payment"), "saga.3.order-1.in.payment", protocol.Address{Partition: 3, ID: "order-1", Kind: protocol.KindReply, Name: "payment"}, true},
		{s.Signal(3, "order-1", "s-1"), "saga.3.order-1.in.signal.s-1", protocol.Address{Partition: 3, ID: "order-1", Kind: protocol.KindSignal, Name: "s-1"}, true},
		{s.Control(3, "order-1", "c-1"), "saga.3.order-1.in.control.c-1", protocol.Address{Partition: 3, ID: "order-1", Kind: protocol.KindControl, Name: "c-1"}, true},
		{s.Canary(3), "saga.3.-.in.canary", protocol.Address{Partition: 3, ID: "-", Kind: protocol.KindCanary}, false},
		{s.Purged(3), "saga.3.-.purged", protocol.Address{Partition: 3, ID: "-", Kind: protocol.KindPurged}, false},
		{s.Chain(3, "order-1"), "saga.3.order-1.*.*.chain", protocol.Address{}, false},
		{s.Saga(3, "order-1"), "saga.3.order-1.>", protocol.Address{}, false},
		{s.Partition(3), "saga.3.>", protocol.Address{}, false},
		{s.Inputs(3), "saga.3.*.in.>", protocol.Address{}, false},
		{s.Commands("payment"), "saga.*.*.out.payment.chain", protocol.Address{}, false},
		{s.Ends(3), "saga.3.*.out.-.chain", protocol.Address{}, false},
		{other.FeedOfEnds(3), "test-feed.3.{{wildcard(1)}}.out.-.chain", protocol.Address{}, false},
		{other.Rows(3), "test-feed.3.-.rows", protocol.Address{}, false},
		{s.Feed(s.Start(3, "order-1")), "saga-feed.3.order-1.in.start.chain", protocol.Address{}, false},
		{other.Reply(0, "a", "b"), "test.0.a.in.b", protocol.Address{}, false},
		{other.Feed(other.Reply(0, "a", "b")), "test-feed.0.a.in.b", protocol.Address{}, false},
		{s.Service("get"), "amends.orchestrator.saga.get", protocol.Address{}, false},
		{other.Counts("payment"), "amends.participant.test.payment.counts", protocol.Address{}, false},
		{s.Stream(3), "SAGA-3", protocol.Address{}, false},
		{other.Stream(0), "TEST-0", protocol.Address{}, false},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
		a, err := s.Parse(tt.want)
		if (err == nil) != (tt.address != protocol.Address{}) {
			t.Errorf("parse %s: %v, %v", tt.want, a, err)
		}
		if diff := cmp.Diff(tt.address, a); diff != "" {
			t.Errorf("parse %s (-want +got):\n%s", tt.want, diff)
		}
		if a.Kind.Input() != tt.input {
			t.Errorf("%s (%s) is an input: %v", tt.want, a.Kind, a.Kind.Input())
		}
	}
}

func TestSubjectsThatNobodyBuilds(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{
		"", "saga", "saga.", "saga.3", "saga.3.", "saga.3.x", "saga.3.x.", "saga.3.x.in", "saga.3.x.in.", "saga.3.x.out", "saga.3.x.out.",
		"sagas.3.x.in.p", "xsaga.3.x.in.p", "saga-feed.3.x.in.p",
		"saga.-1.x.in.p", "saga.03.x.in.p", "saga.+3.x.in.p", "saga.3x.x.in.p", "saga.99999999999999999999.x.in.p", "saga..x.in.p",
		"saga.3.*.in.p", "saga.3.>.in.p", "saga.3.x.*.p", "saga.3.x.in.*", "saga.3.x.in.>", "saga.3.a b.in.p", "saga.3.x.in.p\x00", "saga.3..in.p",
		"saga.3.x.in.start", "saga.3.x.in.start.", "saga.3.x.in.start.chain.", "saga.3.x.in.start.chain.y", "saga.3.x.in.start.link",
		"saga.3.x.in.signal", "saga.3.x.in.signal.", "saga.3.x.in.signal.a.b", "saga.3.x.in.control", "saga.3.x.in.control.*",
		"saga.3.x.in.p.chain", "saga.3.x.in.p.", "saga.3.x.in.p.q", "saga.3.x.in.chain", "saga.3.x.in.canary", "saga.3.x.in.-", "saga.3.x.purged",
		"saga.3.x.out.p", "saga.3.x.out.p.", "saga.3.x.out.p.link", "saga.3.x.out.p.chain.x", "saga.3.x.out.start.chain", "saga.3.x.out.*.chain", "saga.3.x.out..chain",
		"saga.3.-.in.p", "saga.3.-.in.start.chain", "saga.3.-.out.p.chain", "saga.3.-", "saga.3.-.in.canary.x", "saga.3.-.purged.",
		strings.Repeat("saga.3.x", 1000),
	} {
		if a, err := (protocol.Subjects{}).Parse(subject); err == nil || a != (protocol.Address{}) {
			t.Errorf("parse %.80q: %+v, %v", subject, a, err)
		}
	}
}

// FuzzParse: what is parsed is exactly what a builder makes of its parts.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"saga.3.order-1.in.start.chain", "saga.0.a.out.-.chain", "saga.12.a.in.signal.x", "saga.0.-.purged", "saga.3.*.in.>", "saga.01.a.in.p"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, subject string) {
		var s protocol.Subjects
		a, err := s.Parse(subject)
		if err != nil {
			if a != (protocol.Address{}) {
				t.Fatalf("an address with error %v: %+v", err, a)
			}
			return
		}
		var built string
		switch a.Kind {
		case protocol.KindStart:
			built = s.Start(a.Partition, a.ID)
		case protocol.KindLink:
			built = s.Link(a.Partition, a.ID, a.Name)
		case protocol.KindReply:
			built = s.Reply(a.Partition, a.ID, a.Name)
		case protocol.KindSignal:
			built = s.Signal(a.Partition, a.ID, a.Name)
		case protocol.KindControl:
			built = s.Control(a.Partition, a.ID, a.Name)
		case protocol.KindCanary:
			built = s.Canary(a.Partition)
		case protocol.KindPurged:
			built = s.Purged(a.Partition)
		case protocol.KindUnknown:
		}
		if built != subject {
			t.Fatalf("%q was parsed as %+v, which is %q", subject, a, built)
		}
		if a.ID != protocol.NoOne && protocol.CheckID(a.ID) != nil {
			t.Fatalf("%q has the id %q", subject, a.ID)
		}
	})
}

func TestPartition(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		id          string
		count, want int
	}{
		{"", 1000000, 136261}, // the offset basis 2166136261
		{"order-1", 1, 0},
		{"a", 1 << 30, 0xe40c292c % (1 << 30)}, // FNV-1a of "a", "foobar" as published
		{"foobar", 1 << 30, 0xbf9cf968 % (1 << 30)},
		{"foobar", 16, 8},
	} {
		if got := protocol.Partition(tt.id, tt.count); got != tt.want {
			t.Errorf("partition of %q of %d is %d, want %d", tt.id, tt.count, got, tt.want)
		}
	}
}

func TestPartitionsFromMetadata(t *testing.T) {
	t.Parallel()
	if n, err := protocol.Partitions(map[string]string{protocol.MetadataPartitions: "8"}); n != 8 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, text := range []string{"", "0", "-1", "8.0", "eight", "99999999999999999999"} {
		if n, err := protocol.Partitions(map[string]string{protocol.MetadataPartitions: text}); err == nil {
			t.Errorf("%q: %d", text, n)
		}
	}
}
