package natsjournal_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/participants/protocol"
)

func TestAJournalIsNotMadeOnTheSide(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t))
	_, err := natsjournal.Open(t.Context(), nc)
	if !errors.Is(err, natsjournal.ErrNoJournal) || !strings.Contains(err.Error(), "amends init") {
		t.Errorf("open = %v, want %v and the command", err, natsjournal.ErrNoJournal)
	}
	_, err = natsjournal.Open(t.Context(), nc, natsjournal.WithPrefix("other"))
	if err == nil || !strings.Contains(err.Error(), "--prefix other") {
		t.Errorf("open = %v, want the command with the prefix", err)
	}
}

func TestCreateMayBeRepeatedAndGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t))
	js := jetStream(t, nc)
	layout := natsjournal.Layout{Partitions: 3}
	// As if an earlier one had been stopped: the first stream is made last.
	if _, err := js.CreateStream(t.Context(), layout.Streams()[2]); err != nil {
		t.Fatal(err)
	}
	if _, err := natsjournal.Open(t.Context(), nc); !errors.Is(err, natsjournal.ErrNoJournal) {
		t.Fatalf("open = %v, want: %v", err, natsjournal.ErrNoJournal)
	}
	for range 2 {
		if err := natsjournal.Create(t.Context(), nc, layout); err != nil {
			t.Fatal(err)
		}
	}
	j, err := natsjournal.Open(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if j.Partitions() != 3 || j.Leases().TTL() != natsjournal.DefaultLeaseTTL {
		t.Errorf("%d partitions and leases of %v", j.Partitions(), j.Leases().TTL())
	}
	err = natsjournal.Create(t.Context(), nc, natsjournal.Layout{Partitions: 4})
	var e *natsjournal.DifferentError
	if !errors.As(err, &e) || e.Field != "metadata.amends-partitions" {
		t.Errorf("create with 4 partitions = %v", err)
	}
	// Nor was any made before that was seen: their number is fixed for good.
	if _, err := js.Stream(t.Context(), "SAGA-3"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("SAGA-3: %v, want: %v", err, jetstream.ErrStreamNotFound)
	}
	for _, wrong := range []int{-1, 0, natsjournal.MaxPartitions + 1} {
		if err := natsjournal.Create(t.Context(), nc, natsjournal.Layout{Prefix: "other", Partitions: wrong}); err == nil {
			t.Errorf("%d partitions are made", wrong)
		}
	}
}

func TestTheFirstStreamIsMadeLast(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t))
	js := jetStream(t, nc)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "FOREIGN", Subjects: []string{"saga.1.>"}}); err != nil {
		t.Fatal(err)
	}
	if err := natsjournal.Create(t.Context(), nc, natsjournal.Layout{Partitions: 3}); err == nil {
		t.Fatal("another stream has a partition's subjects")
	}
	// Whoever asks it for the partition count must not find half a journal.
	if _, err := js.Stream(t.Context(), "SAGA-0"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("SAGA-0: %v, want: %v", err, jetstream.ErrStreamNotFound)
	}
}

func TestAJournalOfWhichAPartIsMissingIsNotOpened(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"SAGA-1", "KV_AMENDS-LEASES", "KV_AMENDS-DEFINITIONS"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, nc := open(t, natstest.Start(t))
			if err := jetStream(t, nc).DeleteStream(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			if _, err := natsjournal.Open(t.Context(), nc); !errors.Is(err, natsjournal.ErrNoJournal) {
				t.Errorf("open = %v, want: %v", err, natsjournal.ErrNoJournal)
			}
		})
	}
}

func TestTheFieldOfAStreamThatDiffersIsNamed(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t))
	js := jetStream(t, nc)
	for field, change := range map[string]func(*jetstream.StreamConfig){
		"subjects":                   func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, "more."+c.Name) },
		"metadata.amends-partitions": func(c *jetstream.StreamConfig) { c.Metadata[protocol.MetadataPartitions] = "2" },
		"metadata.amends-prefix":     func(c *jetstream.StreamConfig) { delete(c.Metadata, protocol.MetadataPrefix) },
		"storage":                    func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"retention":                  func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy },
		"discard": func(c *jetstream.StreamConfig) {
			c.Discard, c.DiscardNewPerSubject = jetstream.DiscardOld, false
		},
		"discard_new_per_subject": func(c *jetstream.StreamConfig) { c.DiscardNewPerSubject = false },
		"max_msgs_per_subject":    func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 100 },
		"max_msgs":                func(c *jetstream.StreamConfig) { c.MaxMsgs = 1e6 },
		"max_msg_size":            func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1000 },
		"max_age":                 func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"duplicate_window":        func(c *jetstream.StreamConfig) { c.Duplicates = time.Minute },
		"deny_delete":             func(c *jetstream.StreamConfig) { c.DenyDelete = false },
		"deny_purge":              func(c *jetstream.StreamConfig) { c.DenyPurge = true },
		"allow_direct":            func(c *jetstream.StreamConfig) { c.AllowDirect = false },
		"republish":               func(c *jetstream.StreamConfig) { c.RePublish = nil },
		"compression":             func(c *jetstream.StreamConfig) { c.Compression = jetstream.S2Compression },
		"allow_rollup_hdrs":       func(c *jetstream.StreamConfig) { c.AllowRollup = true },
		"allow_msg_ttl":           func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true },
		"allow_batched":           func(c *jetstream.StreamConfig) { c.AllowBatchPublish = true },
		"persist_mode":            func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode },
		"no_ack":                  func(c *jetstream.StreamConfig) { c.NoAck = true },
		"subject_transform": func(c *jetstream.StreamConfig) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: c.Subjects[0], Destination: "x.>"}
		},
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			// A prefix that is a name, and one that no other test here has.
			layout := natsjournal.Layout{Prefix: strings.NewReplacer(".", "_").Replace(field), Partitions: 1}
			config := layout.Streams()[0]
			change(&config)
			if _, err := js.CreateStream(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			for what, err := range map[string]error{
				"create": natsjournal.Create(t.Context(), nc, layout),
				"open":   opening(t, nc, layout.Prefix),
			} {
				var e *natsjournal.DifferentError
				if !errors.As(err, &e) {
					// A wrong count is another stream's absence when a journal is opened.
					if what == "open" && field == "metadata.amends-partitions" {
						continue
					}
					t.Fatalf("%s = %v, want a DifferentError", what, err)
				}
				if e.Field != field || e.Stream != config.Name {
					t.Errorf("%s: %v, want it to name %s", what, e, field)
				}
			}
		})
	}
}

func opening(t *testing.T, nc *nats.Conn, prefix string) error {
	t.Helper()
	j, err := natsjournal.Open(t.Context(), nc, natsjournal.WithPrefix(prefix))
	if err == nil {
		j.Close()
	}
	return err
}

func TestJournalsThatAnnounceMoreAreOpened(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t))
	for prefix, announced := range map[string]jetstream.RePublish{
		"links": {Source: "links.0.*.out.*.chain", Destination: "links-feed.0.{{wildcard(1)}}.out.{{wildcard(2)}}.chain"},
		"all":   {Source: "all.0.>", Destination: "all-feed.0.>"},
	} {
		layout := natsjournal.Layout{Prefix: prefix, Partitions: 1}
		config := layout.Streams()[0]
		config.RePublish = &announced
		if _, err := jetStream(t, nc).CreateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		if err := natsjournal.Create(t.Context(), nc, layout); err != nil {
			t.Error(err)
		}
		if err := opening(t, nc, prefix); err != nil {
			t.Error(err)
		}
		// An operator may have it announce what a new one does.
		if _, err := jetStream(t, nc).UpdateStream(t.Context(), layout.Streams()[0]); err != nil {
			t.Error(err)
		}
		if err := opening(t, nc, prefix); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatIsTheOperatorsMayDiffer(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t))
	config := natsjournal.Layout{Partitions: 1}.Streams()[0]
	config.MaxBytes, config.Description, config.MaxMsgsPerSubject = 1<<30, "ours", 1<<20
	config.Metadata["team"] = "payments"
	if _, err := jetStream(t, nc).CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if err := natsjournal.Create(t.Context(), nc, natsjournal.Layout{Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	if err := opening(t, nc, protocol.DefaultPrefix); err != nil {
		t.Error(err)
	}
}

func TestLeasesThatWouldNeverExpireAreRefused(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t))
	if _, err := jetStream(t, nc).CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "AMENDS-LEASES"}); err != nil {
		t.Fatal(err)
	}
	_, err := natsjournal.Open(t.Context(), nc, natsjournal.WithCreate(1, 1))
	var e *natsjournal.DifferentError
	if !errors.As(err, &e) || e.Field != "max_age" {
		t.Errorf("open = %v, want a DifferentError of max_age", err)
	}
}

func TestAConnectionThatSendsStalePublishesIsRefused(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t), nats.ReconnectBufSize(0))
	if _, err := natsjournal.Open(t.Context(), nc, natsjournal.WithCreate(1, 1)); err == nil || !strings.Contains(err.Error(), "ReconnectBufSize(-1)") {
		t.Errorf("open = %v", err)
	}
}

func TestAServerThatTakesOnlySmallMessagesIsRefused(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t, func(o *server.Options) { o.MaxPayload = 100_000 }))
	if _, err := natsjournal.Open(t.Context(), nc, natsjournal.WithCreate(1, 1)); err == nil || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("open = %v", err)
	}
}

func TestPrefixesThatAreNoNameAreRefused(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t))
	for _, prefix := range []string{"", "a.b", "*", ">"} {
		if _, err := natsjournal.Open(t.Context(), nc, natsjournal.WithPrefix(prefix), natsjournal.WithCreate(1, 1)); !errors.Is(err, protocol.ErrName) {
			t.Errorf("open with %q = %v", prefix, err)
		}
	}
}

func TestAJournalInADomain(t *testing.T) {
	t.Parallel()
	j, _ := open(t, natstest.Start(t, func(o *server.Options) { o.JetStreamDomain = "hub" }), natsjournal.WithDomain("hub"))
	p := j.Partition(0)
	first := put(t, p, start("a"))
	r := read(t, p, 1)
	r.next(t, first)
	r.cancel()
	if history, err := p.History(t.Context(), "a", 0); err != nil || len(history) != 1 {
		t.Errorf("history: %d messages, %v", len(history), err)
	}
	if _, err := j.Leases().Acquire(t.Context(), "p.0", nil); err != nil {
		t.Error(err)
	}
	if r := answer(t, begin(p, start("a"))); !errors.Is(r.err, orchestrator.ErrConflict) {
		t.Errorf("a second start: %v", r.err)
	}
}

func TestTheProfileSaysWhatIsKnown(t *testing.T) {
	t.Parallel()
	j, nc := open(t, natstest.Start(t))
	got, err := j.Profile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := natsjournal.Profile{
		Replicas: 1, Partitions: 2, Sync: natsjournal.SyncUnknown, APILevel: server.JSApiLevel, Server: nc.ConnectedServerVersion(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := fmt.Sprintf("2 partitions, 1 replicas, sync_interval unknown, nats-server %s (API level %d)", got.Server, server.JSApiLevel); got.String() != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestConnectOptionsMakeAConnectionThatCanBeUsed(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	nc, err := nats.Connect(s.ClientURL(), natsjournal.ConnectOptions("amends", nil)...)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	j, err := natsjournal.Open(t.Context(), nc, natsjournal.WithCreate(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	j.Close()
	if nc.Opts.MaxReconnect != -1 || nc.Opts.Name != "amends" {
		t.Errorf("options: %+v", nc.Opts)
	}
}

func jetStream(t *testing.T, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}
