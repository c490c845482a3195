package verbs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// Bounds of bulks.
const (
	UnconfirmedBulk = 100       // more sagas have to be confirmed
	maxCounted      = 1_000_000 // a dry run counts no further
	maxErrors       = 1000      // of single sagas that are remembered
	maxBulks        = 100       // that are over and remembered
	maxRunning      = 8
	defaultRate     = 50 // sagas a second
	maxRate         = 1000
	bulkWorkers     = 16 // sagas that are asked at a time
	bulkPage        = 500
	oneControl      = 30 * time.Second
)

// A BulkRequest asks the same of every saga that a filter matches, or of those
// that it names. Its id is the request's id at each of them: said again after a
// crash, it goes on where it stopped, and asks nobody twice.
type BulkRequest struct {
	What
	Filter  Filter   `json:"filter"`
	IDs     []string `json:"ids,omitzero"` // in place of a filter
	ID      string   `json:"id,omitempty"` // drawn if empty
	DryRun  bool     `json:"dry_run,omitempty"`
	Confirm int      `json:"confirm,omitempty"` // at most so many
	Rate    int      `json:"rate,omitempty"`    // sagas a second
}

// A Preview is the count of a dry run.
type Preview struct {
	DryRun  bool     `json:"dry_run"`
	Count   int      `json:"count"`
	More    bool     `json:"more"`
	Samples []string `json:"samples"`
}

// A Bulk is the progress of a bulk control.
type Bulk struct {
	ID        string      `json:"id"`
	Action    string      `json:"action"`
	Step      string      `json:"step,omitempty"`
	Direction string      `json:"direction,omitempty"`
	As        string      `json:"as,omitempty"`
	Reason    string      `json:"reason,omitempty"`
	Who       string      `json:"who"`
	Filter    Filter      `json:"filter"`
	IDs       []string    `json:"ids,omitempty"` // in a list of bulks the first few
	State     string      `json:"state"`         // running, done, stopped or failed
	Problem   string      `json:"problem,omitempty"`
	Began     time.Time   `json:"began"`
	Ended     time.Time   `json:"ended,omitzero"`
	Total     int         `json:"total"`
	Done      int         `json:"done"`
	Refused   int         `json:"refused"`
	Failed    int         `json:"failed"`
	Rate      int         `json:"rate"`
	Member    string      `json:"member"`
	Errors    []BulkError `json:"errors,omitempty"`
	Cut       bool        `json:"errors_cut,omitempty"`
}

// A BulkError is what came of one saga.
type BulkError struct {
	ID    string `json:"id"`
	Error string `json:"error"`
}

// A BulkRef names one bulk, or all if ID is empty. With Stop it is stopped.
type BulkRef struct {
	ID   string `json:"id,omitempty"`
	Stop bool   `json:"stop,omitempty"`
}

// bulks are those that this process runs or ran.
type bulks struct {
	ctx   context.Context
	stop  context.CancelFunc
	group sync.WaitGroup

	mu   sync.Mutex
	jobs map[string]*job
}

type job struct {
	mu     sync.Mutex
	bulk   Bulk
	what   What
	query  orchestrator.Query
	cancel context.CancelFunc
}

func newBulks() *bulks {
	b := &bulks{jobs: map[string]*job{}}
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b
}

func (b *bulks) close() {
	b.mu.Lock() // whichever begins has begun, or finds that it is too late
	b.stop()
	b.mu.Unlock()
	b.group.Wait()
}

func (j *job) show(errors bool) Bulk {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := j.bulk
	if out.Errors = nil; errors {
		out.Errors = slices.Clone(j.bulk.Errors)
	} else {
		out.IDs = out.IDs[:min(len(out.IDs), shownIDs)] // a list has room for many bulks
	}
	return out
}

// Bulk counts, if it is a dry run, and else begins to ask every saga.
func (v *Verbs) Bulk(ctx context.Context, r BulkRequest) (*Preview, *Bulk, error) {
	if v.cfg.Sagas == nil {
		return nil, nil, errReadOnly
	}
	if err := r.check(); err != nil {
		return nil, nil, Invalid(err)
	}
	q, err := r.Filter.Query(time.Now())
	if err != nil {
		return nil, nil, err
	}
	preview, err := v.count(ctx, r, q)
	if err != nil || r.DryRun {
		return &preview, nil, err
	}
	if preview.Count > max(r.Confirm, UnconfirmedBulk) || preview.More {
		return nil, nil, &Failure{Code: orchestrator.CodeConfirm, Count: preview.Count, Err: fmt.Errorf(
			"%d sagas match, and %d may be touched: say confirm with the count of a dry run", preview.Count, max(r.Confirm, UnconfirmedBulk))}
	}
	bulk, err := v.begin(r, q, preview.Count)
	return nil, &bulk, err
}

func (r *BulkRequest) check() error {
	if r.ID != "" {
		if err := protocol.CheckID(r.ID); err != nil {
			return err
		}
	}
	switch {
	case r.Rate < 0 || r.Rate > maxRate:
		return invalidf("rate %d is not between 1 and %d sagas a second", r.Rate, maxRate)
	case r.Confirm < 0 || r.Confirm > maxCounted:
		return invalidf("confirm %d is no count from 0 to %d: narrow the filter down", r.Confirm, maxCounted)
	}
	if r.Rate == 0 {
		r.Rate = defaultRate
	}
	if err := r.checkIDs(); err != nil {
		return err
	}
	return r.What.check()
}

// count counts those that are meant, page by page. One that is named counts,
// whether there is such a saga or not.
func (v *Verbs) count(ctx context.Context, r BulkRequest, q orchestrator.Query) (Preview, error) {
	p := Preview{DryRun: true, Samples: []string{}}
	enough := maxCounted
	if !r.DryRun {
		enough = max(r.Confirm, UnconfirmedBulk) + 1
	}
	err := v.each(ctx, r.IDs, q, func(id string) error {
		if p.Count++; len(p.Samples) < 10 {
			p.Samples = append(p.Samples, id)
		}
		if p.Count >= enough {
			p.More = r.DryRun
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return p, err
}

var errEnough = errors.New("that is enough")

// walk calls handle with the id of every saga that q matches, newest start
// first, until handle fails.
func (v *Verbs) walk(ctx context.Context, q orchestrator.Query, handle func(id string) error) error {
	q.Limit = bulkPage
	for {
		page, err := v.List(ctx, q)
		if err != nil {
			return err
		}
		for _, s := range page.Sagas {
			if err := handle(s.ID); err != nil {
				return err
			}
		}
		if page.Next == nil {
			return nil
		}
		q.After = *page.Next
	}
}

// begin runs a bulk. One with an id that runs already is that one, if it asks
// for the same.
func (v *Verbs) begin(r BulkRequest, q orchestrator.Query, total int) (Bulk, error) {
	if r.ID == "" {
		r.ID = "bulk-" + uuid.NewString()
	}
	b := v.bulks
	b.mu.Lock()
	defer b.mu.Unlock()
	running := 0
	for id, j := range b.jobs {
		shown := j.show(false)
		if shown.State == "running" {
			running++
		}
		if id == r.ID && !j.isFor(r) {
			return Bulk{}, &Failure{Code: orchestrator.CodeConflict, Err: fmt.Errorf("bulk %s asks for something else, or of other sagas: give this one another id", id)}
		}
		if id == r.ID && shown.State == "running" {
			return shown, nil
		}
	}
	if running >= maxRunning || b.ctx.Err() != nil {
		return Bulk{}, &Failure{Code: orchestrator.CodeUnavailable, Err: fmt.Errorf("%d bulks run here already: wait for one, or stop it", running)}
	}
	b.forget()
	ctx, cancel := context.WithCancel(b.ctx)
	j := &job{what: r.What, query: q, cancel: cancel, bulk: Bulk{
		ID: r.ID, Action: r.Action, Step: r.Step, Direction: r.Direction, As: r.As, Reason: r.Reason, Who: r.Who,
		Filter: r.Filter, IDs: r.IDs, State: "running", Began: time.Now().UTC(), Total: total, Rate: r.Rate, Member: v.cfg.Name,
	}}
	b.jobs[r.ID] = j
	b.group.Go(func() {
		defer cancel()
		v.run(ctx, j)
	})
	return j.show(true), nil
}

// isFor reports whether j asks what r does, whoever asks and why. A time that is
// so long ago is another one each time it is said.
func (j *job) isFor(r BulkRequest) bool {
	plain := func(w What, f Filter) (What, Filter) {
		w.Who, w.Reason, f.StuckBefore = "", "", time.Time{}
		return w, f
	}
	what, filter := plain(j.what, j.bulk.Filter)
	otherWhat, otherFilter := plain(r.What, r.Filter)
	return reflect.DeepEqual(what, otherWhat) && reflect.DeepEqual(filter, otherFilter) && slices.Equal(j.bulk.IDs, r.IDs)
}

// forget makes room for one more. The caller has locked b.
func (b *bulks) forget() {
	var over []Bulk
	for _, j := range b.jobs {
		if shown := j.show(false); shown.State != "running" {
			over = append(over, shown)
		}
	}
	slices.SortFunc(over, func(a, b Bulk) int { return a.Began.Compare(b.Began) })
	for i := 0; i < len(over)-maxBulks+1; i++ {
		delete(b.jobs, over[i].ID)
	}
}

// run asks every saga, as many a second as the rate says.
func (v *Verbs) run(ctx context.Context, j *job) {
	ids := make(chan string)
	var workers sync.WaitGroup
	for range bulkWorkers {
		workers.Go(func() {
			for id := range ids {
				v.one(j, id)
			}
		})
	}
	tick := time.NewTicker(time.Second / time.Duration(j.bulk.Rate))
	defer tick.Stop()
	asked := 0
	err := v.each(ctx, j.bulk.IDs, j.query, func(id string) error {
		if asked++; asked > j.bulk.Total {
			return errEnough // what began to match meanwhile nobody confirmed
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		ids <- id
		return nil
	})
	close(ids)
	workers.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.bulk.Ended = time.Now().UTC()
	switch {
	case err == nil || errors.Is(err, errEnough):
		j.bulk.State = "done"
	case ctx.Err() != nil:
		j.bulk.State = "stopped"
	default:
		j.bulk.State, j.bulk.Problem = "failed", protocol.Text(err.Error(), maxText)
	}
}

// one asks one saga. What is asked for is waited for though the bulk is
// stopped, so that its count is true; but not when the process ends, which may
// be the one that would have to decide.
func (v *Verbs) one(j *job, id string) {
	ctx, cancel := context.WithTimeout(v.bulks.ctx, oneControl)
	defer cancel()
	_, err := v.Control(ctx, id, ControlRequest{What: j.what, Request: j.bulk.ID})
	j.mu.Lock()
	defer j.mu.Unlock()
	if err == nil {
		j.bulk.Done++
		return
	}
	told := Explain(err)
	switch told.Code {
	case orchestrator.CodeRefused, orchestrator.CodeOver, orchestrator.CodeNotFound:
		j.bulk.Refused++
	default:
		j.bulk.Failed++
	}
	if len(j.bulk.Errors) < maxErrors {
		j.bulk.Errors = append(j.bulk.Errors, BulkError{id, told.Error()})
	} else {
		j.bulk.Cut = true
	}
}

// LocalBulks returns what r names of the bulks of this process, and stops it if
// that is asked for.
func (v *Verbs) LocalBulks(r BulkRef) []Bulk {
	b := v.bulks
	b.mu.Lock()
	jobs := maps.Clone(b.jobs)
	b.mu.Unlock()
	list := []Bulk{}
	for id, j := range jobs {
		if r.ID != "" && id != r.ID {
			continue
		}
		if r.Stop && r.ID != "" {
			j.cancel()
		}
		list = append(list, j.show(r.ID != ""))
	}
	return list
}

// Bulks returns what r names of the bulks of all members, newest first.
func (v *Verbs) Bulks(ctx context.Context, r BulkRef) ([]Bulk, error) {
	list := v.LocalBulks(r)
	if v.cfg.Fleet != nil && (r.ID == "" || r.Stop || len(list) == 0) { // one that was said again may run in two places
		others, err := v.cfg.Fleet.Bulks(ctx, r)
		if err != nil {
			v.cfg.Log.Warn("the other members cannot be asked for their bulks", "error", err)
		}
		for _, other := range others {
			if !slices.ContainsFunc(list, func(b Bulk) bool { return b.ID == other.ID && b.Began.Equal(other.Began) }) {
				list = append(list, other)
			}
		}
	}
	slices.SortFunc(list, func(a, b Bulk) int {
		if c := b.Began.Compare(a.Began); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, nil
}

// OneBulk returns the bulk that r names.
func (v *Verbs) OneBulk(ctx context.Context, r BulkRef) (Bulk, error) {
	if err := protocol.CheckID(r.ID); err != nil {
		return Bulk{}, Invalid(err)
	}
	list, err := v.Bulks(ctx, r)
	if err != nil {
		return Bulk{}, err
	}
	if len(list) == 0 {
		return Bulk{}, notFoundf("no member remembers a bulk %s; what it asked for is in the histories", r.ID)
	}
	return list[0], nil
}
