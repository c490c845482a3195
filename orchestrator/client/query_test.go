package client_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

func TestWhoWroteReadsWhatItWrote(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	c := w.client()
	h := w.start(c, order{ID: "o", Hold: "ship"})
	if s, err := c.Get(t.Context(), "o"); err != nil || s.Run != h.Run() || s.Input != nil {
		t.Errorf("got %+v, %v", s, err)
	}
	if _, err := h.Suspend(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	if s, err := c.Get(t.Context(), "o"); err != nil || !s.Suspended {
		t.Errorf("got %+v, %v", s, err)
	}
	if s, err := h.State(t.Context()); err != nil || string(s.Input) != `{"id":"o","hold":"ship"}` {
		t.Errorf("got %+v, %v", s, err)
	}
	if _, err := h.Resume(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	w.letGo("o", "ship")
	w.ends(h, instance.Completed)
	if v, err := h.Value(t.Context()); err != nil || v.Reservation != "r-o" {
		t.Errorf("got %+v, %v", v, err)
	}
	if _, err := c.Get(t.Context(), "nobody"); !isNotFound(err) {
		t.Errorf("got %v", err)
	}
	for _, err := range c.History(t.Context(), "nobody", 0, false) {
		if !isNotFound(err) {
			t.Errorf("got %v", err)
		}
	}
}

func TestAHistoryIsWhatTheJournalHas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	c := w.client()
	w.ends(w.start(c, order{ID: "o", Refuse: "ship"}), instance.Compensated)
	stored := w.messages("o")
	for _, from := range []uint64{0, stored[2].Sequence} {
		var want, got []string
		for _, m := range stored {
			if m.Sequence >= from {
				want = append(want, fmt.Sprintln(m.Sequence, m.Address.Kind, m.Address.Name, m.Header.Get(protocol.HeaderEvents), string(m.Body)))
			}
		}
		for m, err := range c.History(t.Context(), "o", from, true) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintln(m.Sequence, m.Kind, m.Name, m.Header.Get(protocol.HeaderEvents), string(m.Body)))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	for m, err := range c.History(t.Context(), "o", 0, false) {
		if err != nil || m.Body != nil || m.Kind == "start" && m.Bytes == 0 {
			t.Errorf("without payloads: got %+v, %v", m, err)
		}
	}
}

// Every member answers for itself: what one of them rejected, none of the
// others knows.
func TestStatusAndRejectedInputsComeFromAllMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	members := map[string]*orchestrator.Orchestrator{}
	for _, name := range []string{"ann", "bob", "cy"} {
		members[name], _ = w.serve(name)
	}
	w.participate()
	c := w.client()
	w.until("all four partitions are owned by three members", func() bool {
		owned, owners := 0, 0
		for _, o := range members {
			if len(o.Members()) != 3 {
				return false
			}
			if len(o.Status().Partitions) > 0 {
				owners++
			}
			for _, p := range o.Status().Partitions {
				if p.Live {
					owned++
				}
			}
		}
		return owned == 4 && owners > 1
	})
	status, missing, err := c.Status(t.Context())
	if err != nil || len(missing) != 0 {
		t.Fatalf("missing %v, %v", missing, err)
	}
	var names []string
	partitions := 0
	for _, s := range status {
		names = append(names, s.Member)
		partitions += len(s.Partitions)
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"ann", "bob", "cy"}, names); diff != "" || partitions != 4 {
		t.Errorf("%d partitions, %s", partitions, diff)
	}

	nc := w.conn()
	bad := map[string]bool{}
	for n := range 20 {
		id := fmt.Sprint("bad-", n)
		subject := protocol.Subjects{}.Control(protocol.Partition(id, 4), id, "i")
		bad[subject] = true
		if _, err := nc.RequestMsgWithContext(t.Context(), &nats.Msg{Subject: subject, Header: nats.Header{"Saga-Verb": {"cancel"}}}); err != nil {
			t.Fatal(err)
		}
	}
	var rejected []orchestrator.RejectedAnswer
	w.until("every bad input is rejected", func() bool {
		var err error
		if rejected, missing, err = c.Rejected(t.Context(), 0); err != nil || len(missing) != 0 {
			t.Fatalf("missing %v, %v", missing, err)
		}
		n := 0
		for _, m := range rejected {
			n += len(m.Rejected)
		}
		return n == 20
	})
	by := 0
	for _, m := range rejected {
		if len(m.Rejected) > 0 {
			by++
		}
		for _, r := range m.Rejected {
			if !bad[r.Subject] || r.Reason == "" {
				t.Errorf("got %+v", r)
			}
			delete(bad, r.Subject)
		}
	}
	if len(bad) != 0 || by < 2 {
		t.Errorf("not rejected: %v; by %d members", bad, by)
	}
	one, _, err := c.Rejected(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range one {
		if len(m.Rejected) > 1 {
			t.Errorf("member %s: %d inputs, want the newest one", m.Member, len(m.Rejected))
		}
	}
}

func TestPartitionsParticipantsAndDefinitionsAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	c := w.client()
	w.start(c, order{ID: "o"})
	w.requested("o", "reserve")
	counts, err := c.ParticipantCounts(t.Context())
	want := []orchestrator.ParticipantCounts{{Name: "inventory", Pending: 1}, {Name: "shipping"}}
	if diff := cmp.Diff(want, counts); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	var partitions []orchestrator.PartitionCounts
	home := protocol.Partition("o", 4)
	w.until("the view has the saga", func() bool {
		if partitions, err = c.PartitionCounts(t.Context()); err != nil {
			t.Fatal(err)
		}
		return partitions[home].Sagas[instance.Running] == 1 && partitions[home].Position > 0
	})
	if len(partitions) != 4 || partitions[home].Last < 2 || partitions[home].Problem != "" {
		t.Errorf("got %+v", partitions)
	}
	list, err := c.Definitions(t.Context())
	if err != nil || len(list) != 1 || list[0].Fingerprint != placeOrder.Fingerprint() || len(list[0].Definition.Steps) != 3 {
		t.Errorf("got %+v, %v", list, err)
	}
}

func TestWithoutOrchestratorsTheErrorSaysSo(t *testing.T) {
	t.Parallel()
	c := newWorld(t).client()
	_, errGet := c.Get(t.Context(), "o")
	_, _, errList := c.List(t.Context(), orchestrator.Query{})
	_, _, errStatus := c.Status(t.Context())
	_, _, errRejected := c.Rejected(t.Context(), 0)
	_, errDefinitions := c.Definitions(t.Context())
	for _, err := range []error{errGet, errList, errStatus, errRejected, errDefinitions} {
		if err == nil || !isNoOrchestrator(err) {
			t.Errorf("got %v", err)
		}
	}
}

// A row that a query gives twice, or never, would be seen here.
func TestListsFollowTheCursorOverAllPartitions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("a")
	w.participate()
	c := w.client()
	var want []string
	for n := range 40 {
		id := fmt.Sprintf("o-%02d", n)
		w.ends(w.start(c, order{ID: id}), instance.Completed, client.StatusOnly())
		want = append(want, id)
	}
	w.until("the view has all", func() bool {
		list, _, err := c.List(t.Context(), orchestrator.Query{Statuses: []instance.Status{instance.Completed}})
		return err == nil && len(list) == 40
	})
	for _, limit := range []int{1, 7, 40, 50} {
		var got []string
		for s, err := range c.All(t.Context(), orchestrator.Query{Limit: limit, Definition: "place-order"}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, s.ID)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("limit %d: %s", limit, diff)
		}
	}
}
