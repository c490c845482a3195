package main

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/amends-io/amends/cmd/amends/internal/demo"
	"github.com/amends-io/amends/orchestrator/client"
	"github.com/amends-io/amends/sagas/placeorder"
)

// showsOnly fails unless the console at url refuses changes, and its pages know.
func showsOnly(t testing.TB, url string) {
	t.Helper()
	r, err := http.Post(url+"/api/v1/sagas", "application/json", strings.NewReader(`{"definition":"place-order","input":{}}`))
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusForbidden {
		t.Errorf("a start is answered by %s", r.Status)
	}
	page, err := http.Get(url + "/")
	if err != nil {
		t.Error(err)
		return
	}
	defer page.Body.Close()
	text, err := io.ReadAll(page.Body)
	if err != nil || !strings.Contains(string(text), "amends-read-only") {
		t.Errorf("the pages do not know: %s, %v", text, err)
	}
}

// With --read-only the API answers questions, and refuses what changes anything,
// while sagas go on.
func TestServeCanRefuseChangesOverHTTP(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	m := s.serve("--http", "127.0.0.1:0", "--read-only")
	s.until(func(out string) bool { return strings.Count(out, "live for") == 2 }, "status")
	found := regexp.MustCompile(`"the API is served" url=(http://127\.0\.0\.1:\d+)`).FindStringSubmatch(m.stderr.String())
	if found == nil {
		t.Fatalf("no API:\n%s", m.stderr.String())
	}
	showsOnly(t, found[1])
	s.must("start", "place-order", validOrder, "--id", "o-1")
	m.stop()
	if code := m.ends(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

func TestDevCanRefuseChangesOverHTTP(t *testing.T) {
	t.Parallel()
	dev(t, t.TempDir(), func(ctx context.Context, where demo.Where, c *client.Client) {
		showsOnly(t, where.HTTP)
		order := placeorder.Order{Number: "o-1", Customer: "c", Article: "a", Units: 1, Price: 1}
		if _, err := client.Start(ctx, c, placeorder.PlaceOrder, order, client.ID("o-1")); err != nil {
			t.Error(err)
		}
	}, "--read-only")
}

func TestDemoCanRefuseChangesOverHTTP(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	up := make(chan struct{})
	stdout, stderr := &watched{text: "amends list", seen: sync.OnceFunc(func() { close(up) })}, &watched{}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, env{stdin: strings.NewReader(""), stdout: stdout, stderr: stderr, getenv: func(string) string { return "" }},
			[]string{"demo", "--orders", "20", "--read-only", "--dir", t.TempDir()})
	}()
	select {
	case <-up:
		showsOnly(t, regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(stdout.String()))
		interrupt()
	case code := <-ended:
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
