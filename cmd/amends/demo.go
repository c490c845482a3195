package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"

	"github.com/spf13/cobra"

	"github.com/amends-io/amends/cmd/amends/internal/demo"
	"github.com/amends-io/amends/cmd/amends/internal/orders"
	"github.com/amends-io/amends/cmd/amends/internal/reconcile"
)

const demoLong = `Places real orders, by a saga each: inventory reserves, payment charges, shipping
ships. About one order in ten turns back on the way, because stock runs out, a
customer's credit limit is reached, or a parcel is too large. At the end the
books are compared: stock and money are conserved, every effect was done once or
undone once, by what the participants keep and by what the journal says.

It needs nothing else: a NATS server and a store run inside the process, in a
fresh directory. With NATS_URL and REDIS_URL (or --server and --redis) it runs on
those servers instead, in a journal that has no sagas yet.

The orders are 25,943 invoices of a UK online retailer: Chen, D. (2015), Online
Retail, UCI Machine Learning Repository, doi:10.24432/C5BW33, CC BY 4.0.`

type demoFlags struct {
	serverFlags
	orders, crash, inFlight int
	file                    string
	seed                    uint64
	exit                    bool
}

func newDemo(a *app) *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use: "demo", Short: "Place real orders, and prove what became of them", Long: demoLong,
		Example: `  amends demo                          # 500 orders; then look around with the CLI
  amends demo --orders 20000 --exit    # more of them, and no looking around
  amends demo --crash 3                # kill the orchestrator three times on the way
  amends demo --exit -o json           # one object; the exit code says whether it adds up`,
		Args: args(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("seed") {
				f.seed = uint64(rand.Uint32())
			}
			if f.file != "" && !cmd.Flags().Changed("orders") {
				f.orders = orders.MaxRows
			}
			err := a.demo(cmd.Context(), cmd, f)
			if err != nil && cmd.Context().Err() != nil {
				return codedError{exitInterrupted, errors.New("interrupted")}
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.orders, "orders", 500, "how many `rows` to take, spread over the whole file; all if it has fewer")
	flags.StringVar(&f.file, "file", "", "take the rows of one's own CSV, all of them if --orders does not say otherwise")
	flags.BoolVar(&f.exit, "exit", false, "end when the books were compared, with code 1 if they do not add up")
	flags.IntVar(&f.crash, "crash", 0, "run the orchestrator as a process, and kill it (SIGKILL) `N` times on the way")
	flags.Uint64Var(&f.seed, "seed", 0, "draw the moments of the crashes from this `number`; at random if not set")
	flags.IntVar(&f.inFlight, "in-flight", demo.DefaultInFlight, "how many orders are under way at a time")
	f.serverFlags.add(flags, "the journal's `directory`, a fresh one; if not set a temporary one, which stays only if the books do not add up")
	_ = cmd.MarkFlagFilename("file", "csv")
	return cmd
}

// demo runs the demo, from its flags to its end.
func (a *app) demo(ctx context.Context, cmd *cobra.Command, f demoFlags) (err error) {
	rows, of, err := f.rows()
	if err != nil {
		return err
	}
	log := a.logger(f.verbose)
	servers, err := a.demoServers(ctx, cmd, f.serverFlags, log)
	if err != nil {
		return err
	}
	defer func() {
		servers.close()
		if err == nil || ctx.Err() != nil {
			err = cmp.Or(err, servers.clear())
		}
	}()
	if err := servers.CreateJournal(ctx, 1); err != nil {
		return err
	}
	console, err := a.console(ctx, servers, f.serverFlags, log)
	if err != nil {
		return err
	}
	defer func() { _ = console.Close() }() // nothing depends on it any more
	servers.where.HTTP = console.URL
	w, err := a.watch(ctx, watching{"", "", servers.Prefix, samples()}, log)
	if err != nil {
		return err
	}
	defer w.close()
	w.everything()
	p := a.printer(f)
	p.begin(servers.where, len(rows), of)
	d, err := demo.Run(ctx, demo.Config{
		World: servers.World, Rows: rows, InFlight: f.inFlight, Crashes: f.crash, Seed: f.seed,
		Driver: a.driver(cmd, servers, f, w), Log: log, Progress: p.progress,
	})
	p.ran()
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }() // nothing depends on it any more
	report, err := books(ctx, d, servers.where)
	if err != nil {
		return err
	}
	if err := p.report(report); err != nil {
		return err
	}
	if !f.exit {
		if err := p.stay(ctx, d, servers.where); err != nil {
			return err
		}
	}
	if !report.AddsUp {
		return quiet(exitError)
	}
	return nil
}

func books(ctx context.Context, d *demo.Demo, where demo.Where) (demo.Report, error) {
	b, err := d.Books(ctx)
	if err != nil {
		return demo.Report{}, fmt.Errorf("compare the books: %w", err)
	}
	r := d.Report(b)
	r.Where = where
	return r, nil
}

// rows returns the rows to take, and how many the file has.
func (f demoFlags) rows() (rows []orders.Row, of int, err error) {
	for name, n := range map[string]int{"orders": f.orders, "in-flight": f.inFlight} {
		if n < 1 {
			return nil, 0, usagef("--%s %d: at least 1", name, n)
		}
	}
	if f.crash < 0 {
		return nil, 0, usagef("--crash %d: at least 0", f.crash)
	}
	all, err := orders.Retail()
	if f.file != "" {
		all, err = readFile(f.file)
	}
	if err != nil {
		return nil, 0, err
	}
	return orders.Sample(all, f.orders), len(all), nil
}

func readFile(name string) ([]orders.Row, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, usage(err)
	}
	defer file.Close()
	rows, err := orders.Read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rows, nil
}

// driver runs the orchestrator: in this process, unless it is to be killed.
func (a *app) driver(cmd *cobra.Command, s *servers, f demoFlags, w *watch) demo.Driver {
	if f.crash == 0 {
		return &demo.Inside{Member: s.member(w)}
	}
	outside := &demo.Outside{Command: a.child(cmd, s, f.verbose)}
	if f.verbose {
		outside.Log = a.stderr
	}
	return outside
}

// logger is where parts log to: nowhere, unless somebody wants to see it.
func (a *app) logger(verbose bool) *slog.Logger {
	if !verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(a.stderr, nil))
}

// printer prints what the demo has to say.
func (a *app) printer(f demoFlags) *demoPrinter {
	p := &demoPrinter{app: a, out: a.stdout, flags: f}
	if a.output == formatJSON {
		p.out = io.Discard
	}
	p.bar = !f.verbose && isTerminal(a.stderr) && a.getenv("TERM") != "dumb"
	return p
}

// plural counts things.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return reconcile.Number(int64(n)) + " " + what + "s"
}
