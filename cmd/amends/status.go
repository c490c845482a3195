package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
)

// A systemStatus is what is known of everything that runs.
type systemStatus struct {
	Members      []orchestrator.StatusAnswer      `json:"members"`
	Missing      []string                         `json:"missing,omitempty"` // members that others know of, and that did not answer
	Partitions   []orchestrator.PartitionCounts   `json:"partitions"`
	Participants []orchestrator.ParticipantCounts `json:"participants"`
	Unowned      []int                            `json:"unowned,omitempty"` // partitions that nobody drives
}

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show orchestrators, partitions and participants",
		Long: `Shows who drives which partitions and how far journal and view are, how many sagas
there are, and how many commands each participant has before it. The exit code
is 1 if a partition is driven by nobody, or takes no appends.`,
		Example: "  amends status\n  amends status -o json | jq .partitions",
		Args:    args(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				s, err := readStatus(ctx, c)
				if err != nil {
					return err
				}
				return a.printStatus(s)
			})
		},
	}
}

func readStatus(ctx context.Context, c *client.Client) (s systemStatus, err error) {
	if s.Members, s.Missing, err = c.Status(ctx); err != nil {
		return s, err
	}
	if s.Partitions, err = c.PartitionCounts(ctx); err != nil {
		return s, err
	}
	if s.Participants, err = c.ParticipantCounts(ctx); err != nil {
		return s, err
	}
	owned := map[int]bool{}
	for _, m := range s.Members {
		for _, p := range m.Partitions {
			owned[p.Partition] = true
		}
	}
	for _, p := range s.Partitions {
		if !owned[p.Partition] {
			s.Unowned = append(s.Unowned, p.Partition)
		}
	}
	return s, nil
}

func (a *app) printStatus(s systemStatus) error {
	switch a.output {
	case formatJSON:
		if err := a.json(s); err != nil {
			return err
		}
	case formatName:
		for _, m := range s.Members {
			if err := a.line(m.Member); err != nil {
				return err
			}
		}
	default:
		if err := errors.Join(a.membersTable(s), a.blank(), a.partitionsTable(s), a.blank(), a.participantsTable(s)); err != nil {
			return err
		}
	}
	return s.healthy()
}

func (a *app) blank() error {
	_, err := fmt.Fprintln(a.stdout)
	return err
}

// healthy reports what a person has to look at.
func (s systemStatus) healthy() error {
	var errs []error
	if len(s.Missing) > 0 {
		errs = append(errs, fmt.Errorf("no answer from %s", joined(s.Missing)))
	}
	for _, p := range s.Unowned {
		errs = append(errs, fmt.Errorf("nobody drives partition %d", p))
	}
	for _, m := range s.Members {
		for _, p := range m.Partitions {
			if !p.Healthy {
				errs = append(errs, fmt.Errorf("partition %d takes no appends, says %s", p.Partition, m.Member))
			}
		}
	}
	for _, p := range s.Partitions {
		if p.Problem != "" {
			errs = append(errs, fmt.Errorf("view of partition %d: %s", p.Partition, p.Problem))
		}
	}
	return errors.Join(errs...)
}

func (a *app) membersTable(s systemStatus) error {
	t := a.table("MEMBER", "PARTITIONS", "DECISIONS", "STALE", "REJECTED", "CONFLICTS", "ALARMS", "VERSION")
	for _, m := range s.Members {
		t.row(m.Member, strconv.Itoa(len(m.Partitions)), number(m.Counts.Links), number(m.Counts.Stale),
			number(m.Counts.Rejected), number(m.Counts.Conflicts), number(m.Counts.Alarms), m.Version)
	}
	return t.flush()
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

func (a *app) partitionsTable(s systemStatus) error {
	owners := map[int]orchestrator.StatusAnswer{}
	status := map[int]orchestrator.PartitionStatus{}
	for _, m := range s.Members {
		for _, p := range m.Partitions {
			owners[p.Partition], status[p.Partition] = m, p
		}
	}
	t := a.table("PARTITION", "OWNER", "STATE", "LAST", "VIEW", "RUNNING", "COMPENSATING", "STUCK", "COMPLETED", "COMPENSATED")
	for _, p := range s.Partitions {
		state := "nobody drives it"
		if st, ok := status[p.Partition]; ok {
			state = partitionText(st)
		}
		cells := []string{strconv.Itoa(p.Partition), owners[p.Partition].Member, state, number(p.Last), number(p.Position)}
		for _, status := range []instance.Status{instance.Running, instance.Compensating, instance.Stuck, instance.Completed, instance.Compensated} {
			cells = append(cells, strconv.Itoa(p.Sagas[status]))
		}
		t.row(cells...)
	}
	return t.flush()
}

func partitionText(p orchestrator.PartitionStatus) string {
	switch {
	case !p.Healthy:
		return "takes no appends"
	case !p.Live:
		return fmt.Sprintf("catching up to %d", p.End)
	}
	return "live for " + took(time.Since(p.Since))
}

func (a *app) participantsTable(s systemStatus) error {
	t := a.table("PARTICIPANT", "PENDING", "UNANSWERED", "REDELIVERED", "SERVED")
	for _, p := range s.Participants {
		served := "yes"
		switch {
		case p.Missing > 0:
			served = fmt.Sprintf("no consumer in %d partitions", p.Missing)
		case p.Waiting == 0 && p.Unanswered == 0:
			served = "nobody asks for commands"
		}
		t.row(p.Name, number(p.Pending), strconv.Itoa(p.Unanswered), strconv.Itoa(p.Redelivered), served)
	}
	return t.flush()
}

func newInputs(a *app) *cobra.Command {
	var rejected bool
	var limit int
	cmd := &cobra.Command{
		Use: "inputs --rejected", Short: "List inputs that could be none",
		Long: `Lists the newest messages that the orchestrators could not take for inputs, and
why: replies to attempts that were never made, requests without a name, starts
without their condition. The journal keeps them where they are. Each orchestrator
remembers its own, up to a thousand, until it ends.`,
		Example: "  amends inputs --rejected\n  amends inputs --rejected --limit 10 -o json",
		Args:    args(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !rejected {
				return usagef("which inputs? --rejected lists those that could be none; 'amends history' has those of a saga")
			}
			if limit < 0 {
				return usagef("--limit %d is negative", limit)
			}
			return a.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return a.rejected(ctx, c, limit)
			})
		},
	}
	cmd.Flags().BoolVar(&rejected, "rejected", false, "those that could be no input")
	cmd.Flags().IntVar(&limit, "limit", 0, "the newest so many of each orchestrator; all if not set")
	return cmd
}

func (a *app) rejected(ctx context.Context, c *client.Client, limit int) error {
	members, missing, err := c.Rejected(ctx, limit)
	if err != nil {
		return err
	}
	var t table
	if a.output == formatTable || a.output == formatWide {
		t = a.table("TIME", "MEMBER", "SEQUENCE", "SUBJECT", "REASON")
	}
	for _, m := range members {
		for _, r := range m.Rejected {
			switch a.output {
			case formatJSON:
				err = a.json(struct {
					Member string `json:"member"`
					orchestrator.Rejected
				}{m.Member, r})
			case formatName:
				err = a.line(r.Subject)
			default:
				t.row(when(r.Time), m.Member, number(r.Sequence), r.Subject, r.Reason)
			}
			if err != nil {
				return err
			}
		}
		if m.Cut {
			a.note("%s remembers more, which do not fit into an answer", m.Member)
		}
	}
	if t.w != nil {
		err = t.flush()
	}
	if len(missing) > 0 {
		err = errors.Join(err, fmt.Errorf("no answer from %s", joined(missing)))
	}
	return err
}
