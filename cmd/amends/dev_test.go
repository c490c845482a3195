package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/cmd/amends/internal/demo"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/orchestrator/natsjournal"
	"github.com/amends-io/amends/sagas/placeorder"
)

func TestDevRunsACommandWithItsServers(t *testing.T) {
	t.Parallel()
	script := `test -n "$REDIS_URL" && test "$AMENDS_PREFIX" = mine && echo "on $NATS_URL" && exit 7`
	r := runDemo(t.Context(), t, nil, "dev", "--prefix", "mine", "--dir", t.TempDir(), "--", "sh", "-c", script)
	if r.code != 7 || !strings.HasPrefix(r.stdout, "on nats://127.0.0.1:") || !strings.HasPrefix(r.stderr, "NATS nats://") {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if r = runDemo(t.Context(), t, nil, "dev", "--dir", t.TempDir(), "--", "true"); r.code != 0 {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
}

func TestDevEndsItsCommandWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	stdout, stderr := &watched{text: "up\n", seen: interrupt}, &watched{}
	code := run(ctx, env{stdin: strings.NewReader(""), stdout: stdout, stderr: stderr, getenv: os.Getenv},
		[]string{"dev", "--dir", t.TempDir(), "--", "sh", "-c", `trap 'echo told; exit 0' TERM; echo up; while :; do sleep 0.1; done`})
	if code != exitInterrupted || !strings.Contains(stdout.String(), "told") {
		t.Errorf("exit code %d: %s%s", code, stdout.String(), stderr)
	}
}

func TestDevSaysWhatToDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"go run ./mine", exitUsage, "as in: amends dev -- go run ./mine"},
		{"-- there-is-no-such-program", exitUsage, "executable file not found"},
		{"--partitions 0", exitUsage, "--partitions 0: at least 1"},
		{"--dir " + file, exitError, "--dir says where else"},
	} {
		r := runDemo(t.Context(), t, nil, append([]string{"dev"}, strings.Fields(tt.args)...)...)
		if r.code != tt.code || !strings.Contains(r.stderr, tt.want) {
			t.Errorf("%s: exit code %d: %s", tt.args, r.code, r.stderr)
		}
	}
	if dir, err := stateDir(func(string) string { return "/state" }); err != nil || dir != "/state/amends/dev" {
		t.Errorf("state: %s, %v", dir, err)
	}
	if dir, err := stateDir(func(string) string { return "" }); err != nil || !strings.HasSuffix(dir, "/.local/state/amends/dev") {
		t.Errorf("state: %s, %v", dir, err)
	}
}

// What dev keeps outlives it: the journal is on disk, and the view, which is
// not, is made again from it.
func TestDevComesBackWithItsSagas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	order := placeorder.Order{Number: "o-1", Customer: "c", Article: "a", Units: 1, Price: 1}
	dev(t, dir, func(ctx context.Context, _ demo.Where, c *client.Client) {
		if _, err := client.Start(ctx, c, placeorder.PlaceOrder, order, client.ID("o-1")); err != nil {
			t.Error(err)
		}
	})
	dev(t, dir, func(ctx context.Context, _ demo.Where, c *client.Client) {
		for {
			list, _, err := c.List(ctx, orchestrator.Query{Definition: "place-order"})
			switch {
			case ctx.Err() != nil:
				t.Errorf("the saga does not come back: %v", err)
				return
			case err == nil && len(list) == 1 && list[0].ID == "o-1" && list[0].Status == instance.Running:
				return
			}
		}
	})
}

// dev runs dev until f returns.
func dev(t *testing.T, dir string, f func(context.Context, demo.Where, *client.Client), args ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	up := make(chan struct{})
	stdout, stderr := &watched{text: "}\n", seen: func() { close(up) }}, &watched{}
	ended := make(chan int)
	go func() {
		ended <- run(ctx, env{stdin: strings.NewReader(""), stdout: stdout, stderr: stderr, getenv: func(string) string { return "" }},
			append([]string{"dev", "--dir", dir, "-o", "json"}, args...))
	}()
	select {
	case <-up:
		var where demo.Where
		if err := json.Unmarshal([]byte(stdout.String()), &where); err != nil {
			t.Fatalf("%v: %s", err, stdout.String())
		}
		nc, err := nats.Connect(where.NATS, natsjournal.ConnectOptions("test", nil)...)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		c, err := client.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		within, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		f(within, where, c)
		stop()
	case code := <-ended:
		t.Fatalf("it ended with %d: %s", code, stderr)
	}
	if code := <-ended; code != 0 || stderr.String() != "" {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
