// Package bench measures what sagas cost: how many a second, how long one
// takes, and the CPU of each part. All parts are processes of their own, so
// that the CPU of each is known and none lends another its garbage collector.
package bench

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Paths that a saga takes.
const (
	Happy      = "happy"
	Compensate = "compensate" // the third of three steps is refused, two are undone
	Bare       = "bare"       // no saga: the same messages alone
)

// Peak stands for the number in flight that gives most.
const Peak = 0

// CPUsOfPart is how many of a machine's CPUs each part may use at a time. The
// parts share them, and threads that look for work on a CPU that another
// process needs cost a sixth of everything: who runs several processes on one
// machine sets GOMAXPROCS, or a limit of the container, which does.
func CPUsOfPart(cpus int) int { return max(1, cpus/2) }

// Awake is the GODEBUG of each part. A Go process that has nothing to do for a
// moment lets its runtime's monitor thread fall asleep, and its next system call
// wakes it up again: with few sagas in flight, that is a thread woken up for each
// message, by whoever should pass the message on. Where the scheduler is
// traced the monitor stays awake. It is traced every 25 days here.
const Awake = "schedtrace=2147483647"

// A Point is one run to make.
type Point struct {
	Path     string
	InFlight int // or Peak
	Barrier  bool
}

// Config says what to measure, and on what.
type Config struct {
	Points  []Point
	Sagas   int     // of each run; as many as fit into Seconds if zero
	Seconds float64 // of each run
	Rate    int     // sagas a second, of a steady load; a closed loop if zero
	Readers int     // who look on in every other round; then there is one point, with a rate
	Kept    int     // sagas that end before a run, and whose histories stay
	Dir     string  // of the servers' files
	Redis   string  // URL of somebody's Redis; one is started if empty
	NATS    bool    // somebody's NATS, which Connect and Part know; one is started otherwise

	Replicas int    // of the journal, and NATS servers that are started; 1 if zero
	Sync     bool   // the servers write to disk what they acknowledge, and the journal takes batches
	Profile  string // directory for a CPU profile of each process; none if empty

	// Connect connects to NATS: at that URL, or, if it is empty, to somebody's.
	Connect func(url string) (*nats.Conn, error)
	// Part makes the process that calls Serve; NATS is where Connect has it.
	Part     func(nats string) *exec.Cmd
	Progress func(text string)
}

// A Report is what was measured.
type Report struct {
	Date        time.Time `json:"date"`
	Go          string    `json:"go"`
	CPUs        int       `json:"cpus"`
	Replicas    int       `json:"replicas"`
	Sync        bool      `json:"sync_always"`
	NATS        string    `json:"nats"`  // version
	Redis       string    `json:"redis"` // version
	Runs        []Run     `json:"runs"`
	HappyOfBare float64   `json:"happy_of_bare,omitempty"` // sagas/s of happy at peak, divided by those of bare
	Readers     *Watched  `json:"readers,omitempty"`
}

// A Run is the cost of one path at one number in flight. CPU is of the parts
// that were started: a server that is somebody's is not among them.
type Run struct {
	Path      string             `json:"path"`
	InFlight  int                `json:"in_flight"`
	Peak      bool               `json:"peak"` // in_flight was found to give most
	Barrier   bool               `json:"barrier"`
	Target    int                `json:"target_rate,omitempty"`
	Readers   int                `json:"readers,omitempty"`
	Events    int64              `json:"events,omitempty"` // that readers saw
	Kept      int                `json:"kept,omitempty"`   // sagas that had ended before
	Sagas     int                `json:"sagas"`
	Seconds   float64            `json:"seconds"`
	Rate      float64            `json:"sagas_per_second"`
	P50       float64            `json:"p50_ms"`
	P99       float64            `json:"p99_ms"`
	CPU       float64            `json:"cpu_ms_per_saga"`
	CPUByPart map[string]float64 `json:"cpu_ms_by_part"`
	Messages  float64            `json:"messages_per_saga"`
	Bytes     float64            `json:"bytes_per_saga"`
	// Others is how many CPUs everything else on this machine kept busy
	// meanwhile; nil where that is not known. A run that was disturbed is slow.
	Others *float64 `json:"other_cpus,omitempty"`
}

// A bench has the servers.
type bench struct {
	cfg     Config
	fail    func(error)
	servers []*part
	nats    string // URL; empty if it is somebody's
	redis   string // URL
	nc      *nats.Conn
	js      jetstream.JetStream
	score   *score
}

// Measure makes the runs of cfg, one after the other.
func Measure(ctx context.Context, cfg Config) (Report, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var err error
	if cfg.Profile, err = profileDir(cfg.Profile); err != nil {
		return Report{}, err
	}
	cfg.Replicas = max(cfg.Replicas, 1)
	b := &bench{cfg: cfg, fail: fail}
	defer b.close()
	if err := b.begin(ctx); err != nil {
		return Report{}, err
	}
	report, err := b.about(ctx)
	if err != nil {
		return Report{}, err
	}
	for _, p := range cfg.Points {
		if cfg.Readers > 0 {
			if report.Runs, err = b.watched(ctx, p); err != nil {
				return Report{}, fmt.Errorf("%s: %w", p, err)
			}
			report.Readers = newWatched(report.Runs)
			continue
		}
		run, err := b.point(ctx, p)
		if err != nil {
			return Report{}, fmt.Errorf("%s: %w", p, err)
		}
		report.Runs = append(report.Runs, run)
	}
	report.HappyOfBare = happyOfBare(report.Runs)
	return report, nil
}

func (p Point) String() string {
	text := p.Path
	if p.Barrier {
		text += " with barrier"
	}
	if p.InFlight == Peak {
		return text + " at peak"
	}
	return text + ", " + strconv.Itoa(p.InFlight) + " in flight"
}

func happyOfBare(runs []Run) float64 {
	best := make(map[string]float64)
	for _, r := range runs {
		if r.Peak && !r.Barrier {
			best[r.Path] = r.Rate
		}
	}
	if best[Bare] == 0 {
		return 0
	}
	return rounded(best[Happy]/best[Bare], 3)
}
