package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/amends-io/amends/participants/protocol"
)

// A natsContext is what 'nats context save' writes (ADR-21), as far as it
// concerns a connection.
type natsContext struct {
	URL         string `json:"url"`
	Token       string `json:"token"`
	User        string `json:"user"`
	Password    string `json:"password"`
	Creds       string `json:"creds"`
	NKey        string `json:"nkey"`
	Cert        string `json:"cert"`
	Key         string `json:"key"`
	CA          string `json:"ca"`
	Domain      string `json:"jetstream_domain"`
	APIPrefix   string `json:"jetstream_api_prefix"`
	InboxPrefix string `json:"inbox_prefix"`
	TLSFirst    bool   `json:"tls_first"`
}

// loadContext reads the context called name, or the selected one if name is
// empty; nil if none is.
func loadContext(name string, getenv func(string) string) (*natsContext, error) {
	dir := contextDir(getenv)
	if name == "" {
		selected, err := os.ReadFile(filepath.Join(dir, "context.txt"))
		if errors.Is(err, fs.ErrNotExist) || dir == "" {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("selected NATS context: %w", err)
		}
		if name = strings.TrimSpace(string(selected)); name == "" {
			return nil, nil
		}
	}
	if strings.ContainsAny(name, `/\`) || strings.HasPrefix(name, ".") {
		return nil, fmt.Errorf("%q is no name of a NATS context", protocol.Text(name, 64))
	}
	text, err := os.ReadFile(filepath.Join(dir, "context", name+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no NATS context %q; 'nats context ls' lists them", name)
	}
	if err != nil {
		return nil, fmt.Errorf("NATS context %s: %w", name, err)
	}
	var c natsContext
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("NATS context %s: %w", name, err)
	}
	return &c, nil
}

// contextDir is where natscli keeps its contexts.
func contextDir(getenv func(string) string) string {
	if dir := getenv("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "nats")
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".config", "nats")
	}
	return ""
}

// complete fills in what neither a flag nor a variable said. Who one is comes
// from one place: a user of the environment is not given the context's password.
func (c *natsContext) complete(n *natsFlags) {
	if n.creds == "" && n.nkey == "" && n.user == "" {
		n.creds, n.nkey, n.user, n.password = c.Creds, c.NKey, c.User, c.Password
		if c.User == "" && c.Token != "" {
			n.user, n.password = c.Token, ""
		}
	}
	for field, value := range map[*string]string{
		&n.server: c.URL, &n.cert: c.Cert, &n.key: c.Key, &n.ca: c.CA,
		&n.domain: c.Domain, &n.apiPrefix: c.APIPrefix, &n.inboxPrefix: c.InboxPrefix,
	} {
		if *field == "" {
			*field = expand(value)
		}
	}
	n.creds, n.nkey = expand(n.creds), expand(n.nkey)
	n.tlsFirst = n.tlsFirst || c.TLSFirst
}

// expand replaces a leading ~, which natscli allows in a context's files.
func expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}
