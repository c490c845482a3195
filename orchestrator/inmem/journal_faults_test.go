package inmem_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/inmem"
	"github.com/amends-io/amends/participants/protocol"
)

var subjects protocol.Subjects

func start(id string) orchestrator.Draft {
	return orchestrator.Draft{Subject: subjects.Start(0, id), Chain: subjects.Chain(0, id)}
}

func link(id string, expect uint64, participant string) orchestrator.Draft {
	return orchestrator.Draft{Subject: subjects.Link(0, id, participant), Chain: subjects.Chain(0, id), Expect: expect}
}

// answers collects what appends are told.
type answers struct{ list []string }

func (a *answers) append(j *inmem.Journal, d orchestrator.Draft) {
	j.Partition(0).Append(d, func(sequence uint64, err error) {
		text := fmt.Sprint(sequence)
		for _, kind := range []error{orchestrator.ErrInDoubt, orchestrator.ErrConflict, errBroken} {
			if errors.Is(err, kind) {
				text = kind.Error()
			}
		}
		a.list = append(a.list, text)
	})
	synctest.Wait()
}

var errBroken = errors.New("broken")

func last(t *testing.T, j *inmem.Journal) uint64 {
	t.Helper()
	tail, err := j.Connect().Partition(0).Tail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tail.Last
}

func equal(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", what, diff)
	}
}

func TestFaultsOfAppends(t *testing.T) {
	t.Parallel()
	doubt := []string{orchestrator.ErrInDoubt.Error()}
	gate := func() *inmem.Gate { return &inmem.Gate{} }
	for name, c := range map[string]struct {
		fault  func(*inmem.Gate) inmem.Fault
		before []string // what is told, and
		stored uint64   // what is stored, before the gate opens
		after  []string
		then   uint64
	}{
		"none":                 {func(*inmem.Gate) inmem.Fault { return inmem.Fault{} }, []string{"1"}, 1, []string{"1"}, 1},
		"acknowledgement lost": {func(*inmem.Gate) inmem.Fault { return inmem.AckLost() }, doubt, 1, doubt, 1},
		"not stored":           {func(*inmem.Gate) inmem.Fault { return inmem.NotStored() }, doubt, 0, doubt, 0},
		"dropped":              {func(*inmem.Gate) inmem.Fault { return inmem.Fault{Drop: true} }, doubt, 0, doubt, 0},
		"fails":                {func(*inmem.Gate) inmem.Fault { return inmem.Fails(errBroken) }, []string{"broken"}, 0, []string{"broken"}, 0},
		"acknowledged late":    {inmem.AckHeld, nil, 1, []string{"1"}, 1},
		"stored late":          {inmem.StoredLate, doubt, 0, doubt, 1},
		"everything late":      {func(g *inmem.Gate) inmem.Fault { return inmem.Fault{Store: g, Ack: g} }, nil, 0, []string{"1"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, g, a := inmem.NewJournal(1), gate(), answers{}
				j.SetHook(func(orchestrator.Draft) inmem.Fault { return c.fault(g) })
				a.append(j, start("a"))
				equal(t, "before", c.before, a.list)
				equal(t, "stored before", c.stored, last(t, j))
				g.Open()
				synctest.Wait()
				equal(t, "after", c.after, a.list)
				equal(t, "stored after", c.then, last(t, j))
			})
		})
	}
}

func TestAMessageThatIsStoredLateKeepsItsCondition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, g, a := inmem.NewJournal(1), &inmem.Gate{}, answers{}
		j.SetHook(func(orchestrator.Draft) inmem.Fault { return inmem.StoredLate(g) })
		a.append(j, start("a"))
		a.append(j.Connect(), start("a")) // the other connection has no fault
		g.Open()
		synctest.Wait()
		equal(t, "answers", []string{orchestrator.ErrInDoubt.Error(), "1"}, a.list)
		equal(t, "stored", uint64(1), last(t, j))
	})
}

func TestAcknowledgementsComeInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := inmem.NewJournal(1)
		var got []uint64
		var want []uint64
		for i := range 100 {
			j.Partition(0).Append(start(fmt.Sprint("s", i)), func(sequence uint64, _ error) { got = append(got, sequence) })
			want = append(want, uint64(i+1))
		}
		synctest.Wait()
		equal(t, "sequences", want, got)
	})
}

func TestACutConnectionReachesNothingUntilItIsRestored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, a := inmem.NewJournal(1), answers{}
		p, ended := j.Partition(0), make(chan error, 2)
		go func() { ended <- p.Read(t.Context(), 1, func(orchestrator.Message) error { return nil }) }()
		go func() { ended <- j.Leases().Watch(t.Context(), func(orchestrator.Lease) {}) }()
		synctest.Wait()
		j.Cut()
		for range 2 {
			if err := <-ended; !errors.Is(err, orchestrator.ErrInterrupted) {
				t.Errorf("Read or Watch = %v", err)
			}
		}
		a.append(j, start("a"))
		equal(t, "answers", []string{orchestrator.ErrInDoubt.Error()}, a.list)
		equal(t, "stored", uint64(0), last(t, j))
		if err := p.Read(t.Context(), 1, nil); !errors.Is(err, orchestrator.ErrInterrupted) {
			t.Errorf("Read = %v", err)
		}
		_, acquire := j.Leases().Acquire(t.Context(), "p.0", nil)
		_, tail := p.Tail(t.Context())
		for _, err := range []error{acquire, tail} {
			if !errors.Is(err, inmem.ErrCut) {
				t.Errorf("%v, want: %v", err, inmem.ErrCut)
			}
		}
		j.Restore()
		a.append(j, start("a"))
		equal(t, "stored", uint64(1), last(t, j))
	})
}

func TestATailThatIsLostAndGrowsAgainHasOtherStamps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, a := inmem.NewJournal(1), answers{}
		p := j.Partition(0)
		for _, id := range []string{"a", "b", "c"} {
			a.append(j, start(id))
		}
		before, err := p.Get(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- p.Read(t.Context(), 4, nil) }()
		synctest.Wait()
		j.LoseTail(0, 2)
		if err := <-ended; !errors.Is(err, orchestrator.ErrInterrupted) {
			t.Errorf("Read = %v", err)
		}
		equal(t, "last", uint64(1), last(t, j))
		if _, err := p.Last(t.Context(), "b"); !errors.Is(err, orchestrator.ErrNotFound) {
			t.Errorf("last link of what was lost: %v", err)
		}
		a.append(j, start("b"))
		after, err := p.Get(t.Context(), 2)
		if err != nil || !after.Time.After(before.Time) {
			t.Errorf("stamps %v and %v, %v", before.Time, after.Time, err)
		}
	})
}

func TestAStreamThatIsRecreatedIsAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, a := inmem.NewJournal(1), answers{}
		p := j.Partition(0)
		a.append(j, start("a"))
		before, _ := p.Tail(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Read(t.Context(), 2, nil) }()
		synctest.Wait()
		j.Recreate(0)
		if err := <-ended; !errors.Is(err, orchestrator.ErrInterrupted) {
			t.Errorf("Read = %v", err)
		}
		after, _ := p.Tail(t.Context())
		if after.Created.Equal(before.Created) || after.Last != 0 {
			t.Errorf("tail %+v after %+v", after, before)
		}
	})
}

func TestTheNextHistoryLags(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, a := inmem.NewJournal(1), answers{}
		for i := range 3 {
			a.append(j, link("a", uint64(i), protocol.NoOne))
		}
		j.LagNext(2)
		var got []int
		for range 2 {
			found, err := j.Partition(0).History(t.Context(), "a", 0)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, len(found))
		}
		equal(t, "lengths", []int{1, 3}, got)
	})
}

func TestAParticipantReceivesItsCommands(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, a := inmem.NewJournal(2), answers{}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var got []string
		ended := make(chan error, 1)
		go func() {
			ended <- j.Commands(ctx, "payment", func(m orchestrator.Message) { got = append(got, m.Address.ID) })
		}()
		a.append(j, link("before", 0, "payment"))
		if err := j.Provision(t.Context(), []string{"payment"}); err != nil {
			t.Fatal(err)
		}
		a.append(j, link("other", 0, "shipping"))
		a.append(j, link("after", 0, "payment"))
		equal(t, "commands", []string{"before", "after"}, got)
		j.Redeliver("payment")
		synctest.Wait()
		equal(t, "again", []string{"before", "after", "before", "after"}, got)
		equal(t, "provisioned", []string{"payment"}, j.Provisioned())
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestAPublishHoldsTheConditionOfItsHeaders(t *testing.T) {
	t.Parallel()
	j := inmem.NewJournal(1)
	publish := func(subject, expect, on string) error {
		h := protocol.Header{}
		if expect != "" {
			h.Set(protocol.HeaderExpectedSequence, expect)
		}
		if on != "" {
			h.Set(protocol.HeaderExpectedSubject, on)
		}
		_, err := j.Publish(t.Context(), subject, h, nil)
		return err
	}
	in, chain := subjects.Start(0, "a"), subjects.Chain(0, "a")
	signal := subjects.Signal(0, "a", "s")
	for _, c := range []struct {
		name, subject, expect, on string
		want                      error
	}{
		{"the first start", in, "0", chain, nil},
		{"the second start", in, "0", chain, orchestrator.ErrConflict},
		{"a number that is none", in, "x", chain, orchestrator.ErrConflict},
		{"a negative number", in, "-1", chain, orchestrator.ErrConflict},
		{"a number that is too large", in, "18446744073709551615", chain, orchestrator.ErrConflict},
		{"a signal on its own subject", signal, "0", "", nil},
		{"the same signal again", signal, "0", "", orchestrator.ErrConflict},
		{"no condition", signal, "", "", nil},
		{"any saga's chain", in, "1", "saga.0.*.*.*.chain", nil},
		{"anything", in, "4", "saga.>", nil},
		{"another stream", "other.subject", "", "", orchestrator.ErrInDoubt},
	} {
		if err := publish(c.subject, c.expect, c.on); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want: %v", c.name, err, c.want)
		}
	}
	if err := publish(in, "", chain); err == nil || errors.Is(err, orchestrator.ErrConflict) {
		t.Errorf("a condition without a number: %v", err)
	}
}

func TestALeaseCanBeTakenAwayByATest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := inmem.NewJournal(1, inmem.LeaseTTL(time.Hour))
		revision, err := j.Leases().Acquire(t.Context(), "p.0", nil)
		if err != nil {
			t.Fatal(err)
		}
		j.ExpireLease("p.0")
		if _, err := j.Leases().Renew(t.Context(), "p.0", nil, revision); !errors.Is(err, orchestrator.ErrTaken) {
			t.Errorf("renew = %v", err)
		}
	})
}
