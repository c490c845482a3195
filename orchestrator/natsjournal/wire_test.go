package natsjournal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/participants/protocol"
)

// What is on the wire is for ever: other languages read it.
const goldenCommand = `subject: saga.0.order-1.out.payment.chain
Content-Type: application/json
Nats-Expected-Last-Subject-Sequence-Subject: saga.0.order-1.*.*.chain
Nats-Expected-Last-Subject-Sequence: 1
Saga-Action: charge
Saga-Attempt: 1
Saga-Decision: d-1
Saga-Definition: place-order
Saga-Direction: do
Saga-Key: order-1/1/charge/do
Saga-Run: 1
Saga-Step: charge
Saga-Version: 1

{"amount":42}`

func TestAStoredCommand(t *testing.T) {
	t.Parallel()
	j, nc := open(t, natstest.Start(t))
	p := j.Partition(0)
	first := put(t, p, start("order-1"))
	d := link("order-1", first)
	d.Subject = j.Subjects().Link(0, "order-1", "payment")
	d.Body, d.Header = []byte(`{"amount":42}`), protocol.Header{protocol.HeaderDecision: {"d-1"}}
	protocol.Command{
		Saga: "order-1", Definition: "place-order", Version: 1, Participant: "payment", Action: "charge",
		Attempt:     protocol.Attempt{Run: first, Step: "charge", Direction: protocol.Do, Number: 1},
		ContentType: protocol.ContentTypeJSON,
	}.WriteHeader(d.Header)
	sequence := put(t, p, d)

	// Asked of the server itself, as another language's client would.
	reply, err := nc.Request("$JS.API.STREAM.MSG.GET.SAGA-0", fmt.Appendf(nil, `{"seq":%d}`, sequence), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var stored struct {
		Message struct {
			Subject string `json:"subject"`
			Headers []byte `json:"hdrs"`
			Data    []byte `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(reply.Data, &stored); err != nil {
		t.Fatal(err)
	}
	text, _ := strings.CutPrefix(string(stored.Message.Headers), "NATS/1.0\r\n")
	lines := strings.Split(strings.TrimRight(text, "\r\n"), "\r\n")
	slices.Sort(lines) // their order is not part of the protocol
	got := fmt.Sprintf("subject: %s\n%s\n\n%s", stored.Message.Subject, strings.Join(lines, "\n"), stored.Message.Data)
	if diff := cmp.Diff(goldenCommand, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheStreamOfAPartition(t *testing.T) {
	t.Parallel()
	want := jetstream.StreamConfig{
		Name: "ORDERS-1", Description: "Amends: journal, partition 1", Subjects: []string{"orders.1.>"},
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Replicas: 3,
		MaxMsgs: -1, MaxBytes: -1, MaxMsgSize: -1, MaxConsumers: -1,
		Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: 16384,
		DenyDelete: true, Duplicates: 100 * time.Millisecond, AllowDirect: true,
		RePublish: &jetstream.RePublish{Source: "orders.1.*.out.-.chain", Destination: "orders-feed.1.{{wildcard(1)}}.out.-.chain"},
		Metadata:  map[string]string{"amends-partitions": "2", "amends-prefix": "orders"},
	}
	streams := natsjournal.Layout{Prefix: "orders", Partitions: 2, Replicas: 3}.Streams()
	if diff := cmp.Diff(want, streams[1]); diff != "" {
		t.Error(diff)
	}
	var buckets []string
	for _, layout := range []natsjournal.Layout{{Partitions: 1}, {Prefix: "orders", Partitions: 1}} {
		for _, bucket := range layout.Buckets() {
			buckets = append(buckets, bucket.Bucket)
		}
	}
	if diff := cmp.Diff([]string{"AMENDS-LEASES", "AMENDS-DEFINITIONS", "AMENDS-ORDERS-LEASES", "AMENDS-ORDERS-DEFINITIONS"}, buckets); diff != "" {
		t.Error(diff)
	}
}

// Neither starts nor commands are: nobody waits for them.
func TestDecisionsWithoutACommandAndRowsAreAnnounced(t *testing.T) {
	t.Parallel()
	j, nc := open(t, natstest.Start(t))
	sub, err := nc.SubscribeSync("saga-feed.>")
	if err != nil {
		t.Fatal(err)
	}
	put(t, j.Partition(0), start("a"))
	command := put(t, j.Partition(0), orchestrator.Draft{Subject: j.Subjects().Link(0, "a", "payment")})
	end := put(t, j.Partition(0), link("a", command))
	j.Partition(1).Announce([]byte("rows"))
	var got []string
	for range 2 {
		m, err := sub.NextMsg(10 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Subject+" "+m.Header.Get("Nats-Sequence")+string(m.Data))
	}
	if diff := cmp.Diff([]string{fmt.Sprint("saga-feed.0.a.out.-.chain ", end), "saga-feed.1.-.rows rows"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAProvisionedParticipantReceivesItsCommandsAlone(t *testing.T) {
	t.Parallel()
	j, nc := open(t, natstest.Start(t))
	p := j.Partition(0)
	if err := j.Provision(t.Context(), []string{"payment"}); err != nil {
		t.Fatal(err)
	}
	for _, participant := range []string{"shipping", "payment", protocol.NoOne} {
		put(t, p, orchestrator.Draft{Subject: j.Subjects().Link(0, "a", participant), Body: []byte(participant)})
	}
	js := jetStream(t, nc)
	for partition, want := range []int{1, 0} {
		c, err := js.Consumer(t.Context(), j.Subjects().Stream(partition), "payment")
		if err != nil {
			t.Fatal(err)
		}
		batch, err := c.FetchNoWait(10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for m := range batch.Messages() {
			got = append(got, string(m.Data()))
		}
		if len(got) != want || want == 1 && got[0] != "payment" {
			t.Errorf("partition %d hands out %q", partition, got)
		}
		if config := c.CachedInfo().Config; config.AckWait != protocol.CommandAckWait || config.MaxAckPending != protocol.CommandMaxAckPending {
			t.Errorf("its consumer: %+v", config)
		}
	}
}

func TestAConsumerThatAnOperatorChangedStaysButForItsFilter(t *testing.T) {
	t.Parallel()
	j, nc := open(t, natstest.Start(t))
	js := jetStream(t, nc)
	patient := j.Consumer("payment")
	patient.AckWait = time.Hour
	wide := j.Consumer("shipping")
	wide.FilterSubject = "saga.>"
	for _, config := range []jetstream.ConsumerConfig{patient, wide} {
		if _, err := js.CreateConsumer(t.Context(), "SAGA-0", config); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Provision(t.Context(), []string{"payment"}); err != nil {
		t.Fatal(err)
	}
	c, err := js.Consumer(t.Context(), "SAGA-0", "payment")
	if err != nil || c.CachedInfo().Config.AckWait != time.Hour {
		t.Errorf("the consumer was changed: %v", err)
	}
	var e *natsjournal.DifferentError
	if err := j.Provision(t.Context(), []string{"shipping"}); !errors.As(err, &e) || e.Field != "filter_subject of consumer shipping" {
		t.Errorf("provision = %v, want a DifferentError of the filter", err)
	}
}
