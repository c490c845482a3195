package verbs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// List returns a page of sagas, without payloads.
func (v *Verbs) List(ctx context.Context, q orchestrator.Query) (orchestrator.ListAnswer, error) {
	if err := q.Validate(); err != nil {
		return orchestrator.ListAnswer{}, Invalid(err)
	}
	page, err := orchestrator.List(ctx, v.cfg.View, v.cfg.Journal.Partitions(), q)
	if err != nil {
		return page, fmt.Errorf("the view cannot be read now: %w", err)
	}
	for i := range page.Sagas {
		WithoutPayloads(&page.Sagas[i])
	}
	return page, nil
}

// Definitions returns what sagas have begun with, by name and version.
func (v *Verbs) Definitions(ctx context.Context) ([]orchestrator.Registered, error) {
	list, err := v.cfg.Journal.Registry().Definitions(ctx)
	if err != nil {
		return nil, err
	}
	registered := make([]orchestrator.Registered, 0, len(list))
	for _, d := range list {
		registered = append(registered, orchestrator.Registered{Fingerprint: d.Fingerprint(), Definition: d})
	}
	return registered, nil
}

// definition returns a registered definition, without its mapping.
func (v *Verbs) definition(ctx context.Context, name string, version int) (sagas.Definition, bool, error) {
	list, err := v.cfg.Journal.Registry().Definitions(ctx)
	if err != nil {
		return sagas.Definition{}, false, err
	}
	for _, d := range list {
		if d.Name == name && d.Version == version {
			return d, true, nil
		}
	}
	return sagas.Definition{}, false, nil
}

// newest returns the newest version of a definition that sagas have begun with.
func (v *Verbs) newest(ctx context.Context, name string) (version int, err error) {
	list, err := v.cfg.Journal.Registry().Definitions(ctx)
	if err != nil {
		return 0, err
	}
	for _, d := range list {
		if d.Name == name {
			version = max(version, d.Version)
		}
	}
	if version == 0 {
		return 0, notFoundf("no saga has begun with a definition %s yet: say which version, as 1", protocol.Text(name, 64))
	}
	return version, nil
}

// Partitions says what journal and view say of each partition.
func (v *Verbs) Partitions(ctx context.Context) (orchestrator.PartitionsAnswer, error) {
	var a orchestrator.PartitionsAnswer
	for p := range v.cfg.Journal.Partitions() {
		tail, err := v.cfg.Journal.Partition(p).Tail(ctx)
		if err != nil {
			return a, err
		}
		c := orchestrator.PartitionCounts{Partition: p, First: tail.First, Last: tail.Last}
		position, errPosition := v.cfg.View.Partition(p).Position(ctx)
		counts, errCount := v.cfg.View.Partition(p).Count(ctx)
		// Without the view the journal's side is worth knowing too.
		if err := errors.Join(errPosition, errCount); err != nil {
			c.Problem = protocol.Text(strings.ReplaceAll(err.Error(), "\n", "; "), protocol.MaxReason)
		}
		c.Position, c.Sagas = position.To, orchestrator.ByStatus(counts)
		a.Partitions = append(a.Partitions, c)
	}
	return a, nil
}

// Durability says what an acknowledgement of the journal buys.
type Durability struct {
	Partitions int    `json:"partitions"`
	Replicas   int    `json:"replicas"`
	Server     string `json:"server,omitempty"`
	APILevel   int    `json:"api_level,omitempty"`
	Sync       string `json:"sync,omitempty"`
}

// A Fleetwide answer says who drives which partition, and what the journal is
// worth.
type Fleetwide struct {
	Partitions []DrivenPartition `json:"partitions"`
	Members    []Member          `json:"members"`
	Missing    []string          `json:"missing"`
	Durability *Durability       `json:"durability,omitempty"`
	Problem    string            `json:"problem,omitempty"`
}

// A DrivenPartition is a partition with its owner.
type DrivenPartition struct {
	Partition int            `json:"partition"`
	First     uint64         `json:"first"`
	Last      uint64         `json:"last"`
	Position  uint64         `json:"position"`
	Lag       uint64         `json:"lag"`
	Sagas     map[string]int `json:"sagas"`
	Problem   string         `json:"problem,omitempty"`
	Owner     string         `json:"owner,omitempty"`
	Live      bool           `json:"live,omitempty"`
	Healthy   bool           `json:"healthy,omitempty"`
	Since     time.Time      `json:"since,omitzero"`
}

// A Member is a process that drives sagas.
type Member struct {
	Name       string              `json:"name"`
	Version    string              `json:"version,omitempty"`
	Partitions []int               `json:"partitions"`
	Counts     orchestrator.Counts `json:"counts"`
}

// Fleet says what is known of partitions and members.
func (v *Verbs) Fleet(ctx context.Context) (Fleetwide, error) {
	f := Fleetwide{Partitions: []DrivenPartition{}, Members: []Member{}, Missing: []string{}}
	known, err := v.Partitions(ctx)
	if err != nil {
		return f, err
	}
	for _, p := range known.Partitions {
		d := DrivenPartition{Partition: p.Partition, First: p.First, Last: p.Last, Position: p.Position, Lag: p.Last - min(p.Last, p.Position), Problem: p.Problem, Sagas: map[string]int{}}
		for status, n := range p.Sagas {
			d.Sagas[status.String()] = n
		}
		f.Partitions = append(f.Partitions, d)
	}
	if v.cfg.Durability != nil {
		if d, err := v.cfg.Durability(ctx); err == nil {
			f.Durability = &d
		} else {
			f.Problem = protocol.Text(err.Error(), maxText)
		}
	}
	if v.cfg.Fleet == nil {
		return f, nil
	}
	members, missing, err := v.cfg.Fleet.Status(ctx)
	if err != nil {
		f.Problem = protocol.Text(err.Error(), maxText)
	}
	f.Missing = append(f.Missing, missing...)
	for _, m := range members {
		member := Member{Name: m.Member, Version: m.Version, Partitions: []int{}, Counts: m.Counts}
		for _, p := range m.Partitions {
			member.Partitions = append(member.Partitions, p.Partition)
			if p.Partition < 0 || p.Partition >= len(f.Partitions) {
				continue
			}
			// Who drove it before may not know yet that somebody else does.
			if d := &f.Partitions[p.Partition]; d.Owner == "" || p.Since.After(d.Since) {
				d.Owner, d.Live, d.Healthy, d.Since = m.Member, p.Live, p.Healthy, p.Since
			}
		}
		f.Members = append(f.Members, member)
	}
	slices.SortFunc(f.Members, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	return f, nil
}

// An Instance is a process of a participant, as it says itself.
type Instance struct {
	Participant string           `json:"-"`
	ID          string           `json:"id"`
	Version     string           `json:"version,omitempty"`
	SDK         string           `json:"sdk,omitempty"`
	Host        string           `json:"host,omitempty"`
	Started     time.Time        `json:"started"`
	Actions     []string         `json:"actions"`
	Counts      map[string]int64 `json:"counts"` // since it began
}

// A Participant is how far one is with its commands, and who serves them.
type Participant struct {
	orchestrator.ParticipantCounts
	Instances []Instance `json:"instances"` // those that answer as docs/protocol.md has it
}

// Participants returns those that definitions name, by name.
func (v *Verbs) Participants(ctx context.Context) ([]Participant, error) {
	if v.cfg.Fleet == nil {
		return nil, errors.New("nobody can be asked here how far the participants are")
	}
	counts, err := v.cfg.Fleet.ParticipantCounts(ctx)
	if err != nil {
		return nil, err
	}
	instances, err := v.cfg.Fleet.Instances(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(instances, func(a, b Instance) int { return strings.Compare(a.ID, b.ID) })
	list := make([]Participant, 0, len(counts))
	for _, c := range counts {
		p := Participant{c, []Instance{}}
		for _, i := range instances {
			if i.Participant == c.Name {
				p.Instances = append(p.Instances, i)
			}
		}
		list = append(list, p)
	}
	return list, nil
}

// A RejectedInput is a message that can be no input, and who rejected it.
type RejectedInput struct {
	Member string `json:"member"`
	orchestrator.Rejected
}

// Rejected returns the newest inputs that were rejected, newest first.
func (v *Verbs) Rejected(ctx context.Context, limit int) (list []RejectedInput, missing []string, err error) {
	if v.cfg.Fleet == nil {
		return nil, nil, errors.New("no member can be asked here what it rejected")
	}
	members, missing, err := v.cfg.Fleet.Rejected(ctx, limit)
	for _, m := range members {
		for _, r := range m.Rejected {
			list = append(list, RejectedInput{m.Member, r})
		}
	}
	slices.SortFunc(list, func(a, b RejectedInput) int { return b.Time.Compare(a.Time) })
	return list[:min(len(list), limit)], missing, err
}

// Positions returns how far the view is in each partition.
func (v *Verbs) Positions(ctx context.Context) ([]uint64, error) {
	list := make([]uint64, v.cfg.Journal.Partitions())
	for p := range list {
		position, err := v.cfg.View.Partition(p).Position(ctx)
		if err != nil {
			return nil, err
		}
		list[p] = position.To
	}
	return list, nil
}
