// Package ui is the tracing UI: pages that a browser runs, as they are written
// here, without a build. It serves files and nothing else; what the pages show
// they ask the API for.
package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
)

//go:embed all:static
var embedded embed.FS

// Policy is the content security policy of every page: scripts and styles from
// this origin's files alone, no markup from strings, no other origin at all.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// A page's address, below the base path. What is none gets the same document,
// which says so, and the status 404.
var pages = regexp.MustCompile(`^/(|sagas|sagas/[A-Za-z0-9_-]{1,64}|compare|failures|definitions|definitions/[A-Za-z0-9_-]{1,64}/[0-9]{1,9}|participants|partitions|audit|bulk|bulk/[A-Za-z0-9_.-]{1,64})$`)

// Config is what the pages have to know before they ask.
type Config struct {
	Base    string // where a proxy puts us, as /amends; paths arrive here without it
	Version string // of the program
	// ReadOnly says that the API refuses changes, so that nothing is offered.
	ReadOnly bool
}

type asset struct {
	kind        string
	plain, gzip []byte
}

// A Handler serves the pages and what they are made of.
type Handler struct {
	prefix string // of all assets: their hash is in it, so that they never change
	assets map[string]asset
	page   asset
}

// New prepares the pages: it reads, hashes and compresses all files once.
func New(c Config) (*Handler, error) {
	h := &Handler{assets: map[string]asset{}}
	sum := sha256.New()
	var modules []string
	err := fs.WalkDir(embedded, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := embedded.ReadFile(name)
		if err != nil {
			return err
		}
		short := strings.TrimPrefix(name, "static/")
		kind := kindOf(short)
		if kind == "" || short == "index.html" {
			return nil
		}
		fmt.Fprintf(sum, "%s %d\n", short, len(b))
		_, _ = sum.Write(b) // cannot fail
		h.assets[short] = compressed(kind, b)
		if strings.HasSuffix(short, ".js") {
			modules = append(modules, short)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	h.prefix = "/assets/" + hex.EncodeToString(sum.Sum(nil)[:8]) + "/"
	return h, h.makePage(c, modules)
}

// makePage fills the one document in. The browser is told of every module at
// once, so that it does not find one import after the other.
func (h *Handler) makePage(c Config, modules []string) error {
	index, err := template.ParseFS(embedded, "static/index.html")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	err = index.Execute(&b, map[string]any{
		"Base": c.Base, "Assets": c.Base + h.prefix, "Version": c.Version, "Modules": modules, "ReadOnly": c.ReadOnly,
	})
	h.page = compressed("text/html; charset=utf-8", b.Bytes())
	return err
}

// kindOf returns the type that a file is served as, or nothing if it is none of
// ours to serve. It asks no table of the machine's: a wrong type is a blank page.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return ""
}

func compressed(kind string, b []byte) asset {
	var z bytes.Buffer
	w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression) // the level is a valid one
	_, _ = w.Write(b)
	_ = w.Close() // a buffer takes everything
	return asset{kind: kind, plain: b, gzip: z.Bytes()}
}

// ServeHTTP answers for a page or an asset.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Content-Security-Policy", Policy)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "a page can only be read", http.StatusMethodNotAllowed)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/assets/") {
		a, ok := h.assets[strings.TrimPrefix(r.URL.Path, h.prefix)]
		if !ok {
			// A page of an older version asks for files that are gone.
			header.Set("Cache-Control", "no-store")
			http.Error(w, "no such file in this version: reload the page", http.StatusNotFound)
			return
		}
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
		a.write(w, r, http.StatusOK)
		return
	}
	status := http.StatusOK
	if !pages.MatchString(r.URL.Path) {
		status = http.StatusNotFound
	}
	header.Set("Cache-Control", "no-cache")
	h.page.write(w, r, status)
}

func (a asset) write(w http.ResponseWriter, r *http.Request, status int) {
	header := w.Header()
	header.Set("Content-Type", a.kind)
	header.Add("Vary", "Accept-Encoding")
	body := a.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		body = a.gzip
	}
	header.Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // whoever left needs no answer
	}
}
