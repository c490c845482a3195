package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/orchestrator/redisview"
)

// Where each setting comes from: a flag, a variable, the context, the default.
func TestFlagsComeBeforeVariablesBeforeTheContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, "nats", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("context.txt", "work\n")
	write("context/work.json", `{"url":"nats://work:4222","user":"w","password":"pw","inbox_prefix":"_W","jetstream_domain":"hub","unknown":[1]}`)
	write("context/token.json", `{"url":"nats://token:4222","token":"tok","tls_first":true}`)
	write("context/bad.json", `{"url":`)
	none := map[string]string{}
	for name, test := range map[string]struct {
		flags     natsFlags
		variables map[string]string
		want      natsFlags
		err       string
	}{
		"nothing":              {variables: none, want: natsFlags{server: "nats://127.0.0.1:4222"}},
		"the selected context": {want: natsFlags{server: "nats://work:4222", user: "w", password: "pw", inboxPrefix: "_W", domain: "hub"}},
		"a named context": {
			flags: natsFlags{context: "token"}, want: natsFlags{context: "token", server: "nats://token:4222", user: "tok", tlsFirst: true},
		},
		"a context by variable": {
			variables: map[string]string{"NATS_CONTEXT": "token", "XDG_CONFIG_HOME": dir},
			want:      natsFlags{context: "token", server: "nats://token:4222", user: "tok", tlsFirst: true},
		},
		"a variable over the context": {
			variables: map[string]string{"NATS_CONTEXT": "work", "NATS_URL": "nats://variable", "XDG_CONFIG_HOME": dir},
			want:      natsFlags{context: "work", server: "nats://variable", user: "w", password: "pw", inboxPrefix: "_W", domain: "hub"},
		},
		"a flag over the variable": {
			flags: natsFlags{server: "nats://flag"}, variables: map[string]string{"NATS_URL": "nats://variable", "XDG_CONFIG_HOME": dir},
			want: natsFlags{server: "nats://flag"},
		},
		"another server is not given the selected context's password": {
			flags: natsFlags{server: "nats://flag"}, want: natsFlags{server: "nats://flag"},
		},
		"a user of one's own is not given the context's password": {
			flags: natsFlags{context: "work", user: "me"}, want: natsFlags{context: "work", server: "nats://work:4222", user: "me", inboxPrefix: "_W", domain: "hub"},
		},
		"credentials": {
			variables: map[string]string{"NATS_CREDS": "c", "NATS_NKEY": "n", "NATS_USER": "u", "NATS_PASSWORD": "p", "NATS_CERT": "ce", "NATS_KEY": "k", "NATS_CA": "ca"},
			want:      natsFlags{server: "nats://127.0.0.1:4222", creds: "c", nkey: "n", user: "u", password: "p", cert: "ce", key: "k", ca: "ca"},
		},
		"no such context": {flags: natsFlags{context: "none"}, err: "no NATS context"},
		"a bad context":   {flags: natsFlags{context: "bad"}, err: "unexpected end"},
		"a path":          {flags: natsFlags{context: "../context/work"}, err: "no name of a NATS context"},
	} {
		variables := test.variables
		if variables == nil {
			variables = map[string]string{"XDG_CONFIG_HOME": dir}
		}
		got, err := test.flags.resolve(func(name string) string { return variables[name] })
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: got %v, want %q", name, err, test.err)
			}
			continue
		}
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(natsFlags{})); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

func TestPasswordsAreNotRepeated(t *testing.T) {
	t.Parallel()
	s := &system{t: t, variables: map[string]string{"NATS_URL": "nats://me:secret@127.0.0.1:1,me:secret@127.0.0.1:2", "REDIS_URL": "redis://:secret@[::1"}}
	for _, args := range [][]string{{"list"}, {"check"}, {"init"}} {
		r := s.ends(exitError, args...)
		if strings.Contains(r.stderr, "secret") || !strings.Contains(r.stderr, "connect to NATS at nats://…@127.0.0.1:1") {
			t.Errorf("%v: %s", args, r.stderr)
		}
	}
}

// The server says it beside the request, which gets no answer.
func TestAMissingPermissionIsSaid(t *testing.T) {
	t.Parallel()
	n := natstest.Start(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{"none"}},
		}}}
	})
	s := &system{t: t, variables: map[string]string{"NATS_URL": n.ClientURL(), "NATS_USER": "u", "NATS_PASSWORD": "p", "NATS_TIMEOUT": "300ms"}}
	for _, args := range [][]string{{"check"}, {"init"}, {"list"}} {
		has(t, strings.ToLower(s.ends(exitTimeout, args...).stderr), "permissions violation for publish to")
	}
}

func TestAServerThatWantsAPasswordGetsIt(t *testing.T) {
	t.Parallel()
	n := natstest.Start(t, func(o *server.Options) { o.Username, o.Password = "u", "p" })
	s := &system{t: t, variables: map[string]string{"NATS_URL": n.ClientURL()}}
	has(t, s.ends(exitError, "init").stderr, "Authorization Violation")
	s.variables["NATS_USER"], s.variables["NATS_PASSWORD"] = "u", "p"
	s.must("init")
	has(t, s.ends(exitError, "list").stderr, "no orchestrator answers")
	has(t, s.ends(exitError, "list", "--prefix", "other").stderr, "--prefix other")
	has(t, s.ends(exitError, "get", "e", "--prefix", "other").stderr, "there is no journal", "amends init")
}

func TestJournalsOfOtherPrefixesHaveTheirOwnKeys(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{"saga": redisview.DefaultPrefix, "shop": redisview.DefaultPrefix + "shop:"} {
		if got := (&app{prefix: prefix}).keyPrefix(); got != want {
			t.Errorf("%s: got %q, want %q", prefix, got, want)
		}
	}
}
