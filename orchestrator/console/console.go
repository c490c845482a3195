package console

import (
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/verbs"
	"github.com/amends-io/amends/participants/protocol"
)

// Document is the OpenAPI document of the API.
//
//go:embed openapi.json
var Document []byte

// Feed tells that the view has another row of a saga. It is a hint: what there
// is says the journal.
type Feed interface {
	// Follow calls news, which returns at once, with the sequence of the saga's
	// last link in the view, or with 0 when something may have been missed.
	Follow(partition int, id string, news func(sequence uint64)) (stop func(), err error)
}

// Config is what a console needs. Verbs is required.
type Config struct {
	Verbs    *verbs.Verbs
	Feed     Feed     // nil: live events come when they are looked for
	BasePath string   // in front of everything, as /amends; empty or beginning with /
	Hosts    []string // names that a request may be for; empty: any
	// ReadOnly refuses whatever changes something, over HTTP; who drives the
	// sagas, and answers over NATS, is not asked.
	ReadOnly bool
	// WriteTimeout is how long a reader of a stream may not read before it is
	// cut off; 10 s if zero.
	WriteTimeout time.Duration
	Log          *slog.Logger
}

// A Console is the handler. Whoever made it closes it.
type Console struct {
	cfg  Config
	mux  *http.ServeMux
	hub  *hub
	news *listNews
	csrf *http.CrossOriginProtection
}

var basePath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)

// New returns a console.
func New(cfg Config) (*Console, error) {
	if cfg.Verbs == nil {
		return nil, errors.New("console: it needs verbs")
	}
	if cfg.BasePath = strings.TrimSuffix(cfg.BasePath, "/"); !basePath.MatchString(cfg.BasePath) || path.Clean("/"+cfg.BasePath) != "/"+strings.TrimPrefix(cfg.BasePath, "/") {
		return nil, fmt.Errorf("console: base path %q is none such as /amends", protocol.Text(cfg.BasePath, 80))
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.WriteTimeout == 0 {
		cfg.WriteTimeout = 10 * time.Second
	}
	c := &Console{cfg: cfg, mux: http.NewServeMux(), csrf: http.NewCrossOriginProtection()}
	c.hub = newHub(cfg.Verbs, cfg.Feed, cfg.Log)
	c.news = newListNews(c.hub.ctx, cfg.Verbs)
	c.route()
	return c, nil
}

// Close ends the streams. Requests under way are the server's business.
func (c *Console) Close() {
	c.hub.close()
	c.news.close()
}

// Handle serves pattern below the base path by h, beside the API.
func (c *Console) Handle(pattern string, h http.Handler) {
	c.mux.Handle(pattern, h)
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			panic(v) // the server's own: an answer that is cut off must not look whole
		default:
			c.cfg.Log.Error("a request made the console panic", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			c.fail(w, errors.New("the request made the console panic; its log has the stack"))
		}
	}()
	if !c.forUs(r.Host) {
		c.fail(w, &verbs.Failure{Code: codeCrossOrigin, Err: fmt.Errorf("this is not %q: a page of another name may have sent the request", protocol.Text(r.Host, 80))})
		return
	}
	rest, ours := strings.CutPrefix(r.URL.Path, c.cfg.BasePath)
	if !ours || rest != "/" && rest != "" && path.Clean(rest) != strings.TrimSuffix(rest, "/") {
		c.fail(w, noSuchPath)
		return
	}
	if c.cfg.BasePath != "" {
		http.StripPrefix(c.cfg.BasePath, c.mux).ServeHTTP(w, r)
		return
	}
	c.mux.ServeHTTP(w, r)
}

// forUs reports whether host is a name that the console goes by: a page of
// another name that resolves to this address must not read what is here.
func (c *Console) forUs(host string) bool {
	if len(c.cfg.Hosts) == 0 {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return slices.Contains(c.cfg.Hosts, strings.Trim(strings.ToLower(host), "[]"))
}

var noSuchPath = &verbs.Failure{Code: orchestrator.CodeNotFound, Err: errors.New("there is no such path; /api/v1/openapi.json lists them")}
