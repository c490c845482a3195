package embedded_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/amends-io/amends/cmd/amends/internal/embedded"
)

func start(t *testing.T, cfg embedded.Config) *embedded.Servers {
	t.Helper()
	s, err := embedded.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestTheJournalIsOnDiskAndComesBack(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "journal")
	s := start(t, embedded.Config{Dir: dir})
	publish(t, s.NATSURL)
	rdb := client(t, s.RedisURL)
	if err := rdb.Set(t.Context(), "a", 1, 0).Err(); err != nil {
		t.Error(err)
	}
	s.Close()
	s.Close() // twice does no harm

	s = start(t, embedded.Config{Dir: dir, Log: filepath.Join(dir, "nats.log")})
	if last := publish(t, s.NATSURL); last != 2 {
		t.Errorf("the second message has the sequence %d: the first was lost", last)
	}
	if log, err := os.ReadFile(filepath.Join(dir, "nats.log")); err != nil || !strings.Contains(string(log), "JetStream") {
		t.Errorf("log: %.80q, %v", log, err)
	}
}

func publish(t *testing.T, url string) (sequence uint64) {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "A", Subjects: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	ack, err := js.Publish(t.Context(), "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}

func client(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(options)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestOneDirectoryHasOneServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := start(t, embedded.Config{Dir: dir})
	if s, err := embedded.Start(embedded.Config{Dir: dir}); !errors.Is(err, embedded.ErrInUse) {
		t.Errorf("a second server: %v, %v", s, err)
	}
	publish(t, first.NATSURL) // which goes on
	first.Close()
	start(t, embedded.Config{Dir: dir})
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	for want, cfg := range map[string]embedded.Config{
		"the NATS server's port": {Dir: t.TempDir(), NATSPort: port},
		"the store's port":       {Dir: t.TempDir(), RedisPort: port},
	} {
		if _, err := embedded.Start(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", cfg, err, want)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Start(embedded.Config{Dir: file}); err == nil {
		t.Error("a file was taken for a directory")
	}
}
