package ui_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/amends-io/amends/orchestrator/console/ui"
)

func get(t *testing.T, h http.Handler, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b := new(strings.Builder)
	if err := r.Write(b); err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(b.String(), "\r\n\r\n")
	return text
}

func handler(t *testing.T, c ui.Config) *ui.Handler {
	t.Helper()
	h, err := ui.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestEveryPageForbidsWhatItDoesNotNeed(t *testing.T) {
	h := handler(t, ui.Config{})
	for path, status := range map[string]int{
		"/": 200, "/sagas": 200, "/sagas/order-17": 200, "/failures": 200, "/audit": 200, "/audit/x": 404, "/definitions/place-order/1": 200,
		"/sagas/a%2Fb": 404, "/sagas/" + strings.Repeat("x", 65): 404, "/nowhere": 404, "/definitions/x/y": 404, "/assets/0/main.js": 404,
	} {
		r := get(t, h, "GET", path)
		if r.StatusCode != status {
			t.Errorf("%s: got %d, want %d", path, r.StatusCode, status)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": ui.Policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
	for _, forbidden := range []string{"unsafe", "http:", "https:", "*"} {
		if strings.Contains(ui.Policy, forbidden) {
			t.Errorf("the policy has %q", forbidden)
		}
	}
	if r := get(t, h, "POST", "/sagas"); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %d", r.StatusCode)
	}
}

func TestAssetsAreBelowTheirHashAndTheBase(t *testing.T) {
	h := handler(t, ui.Config{Base: "/below"})
	page := body(t, get(t, h, "GET", "/"))
	src := regexp.MustCompile(`src="/below(/assets/[0-9a-f]{16}/)main\.js"`).FindStringSubmatch(page)
	if src == nil {
		t.Fatalf("no main module below the base in %s", page)
	}
	for name, kind := range map[string]string{"main.js": "text/javascript", "css/base.css": "text/css", "icon.svg": "image/svg+xml"} {
		r := get(t, h, "GET", src[1]+name, "Accept-Encoding", "br, gzip")
		if r.StatusCode != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), kind) ||
			r.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", name, r.StatusCode, r.Header)
		}
	}
	if r := get(t, h, "GET", src[1]+"vendor/SHA256SUMS"); r.StatusCode != 404 {
		t.Errorf("a file that no page needs is served: %d", r.StatusCode)
	}
}

func TestTheBaseIsTextInThePage(t *testing.T) {
	page := body(t, get(t, handler(t, ui.Config{Version: `"><script>alert(1)</script>`}), "GET", "/"))
	if strings.Contains(page, "<script>alert") {
		t.Error("the version became markup")
	}
}

// What a page may not contain is refused by browsers only once it runs.
func TestPagesHaveNothingInline(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<script(?:>| [^>]*[^"]>)|\son\w+="|\sstyle="|javascript:`)
	page := body(t, get(t, handler(t, ui.Config{}), "GET", "/"))
	if found := inline.FindString(page); found != "" {
		t.Errorf("the page has %q", found)
	}
	err := filepath.WalkDir("static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".js") || strings.Contains(name, "vendor") {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, forbidden := range []string{"innerHTML", "dangerouslySet", "insertAdjacentHTML", "document.write", "eval(", "new Function", "https://"} {
			if strings.Contains(string(b), forbidden) {
				t.Errorf("%s has %s", name, forbidden)
			}
		}
		if n := strings.Count(string(b), "\n"); n > 300 {
			t.Errorf("%s has %d lines: look for the seam", name, n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Whoever chose dark sees what whoever's system is dark does. A canvas takes the
// values as they are written, so that light-dark() cannot say both at once.
func TestThereIsOneDarkTheme(t *testing.T) {
	text, err := os.ReadFile("static/css/tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	block := func(selector string) []string {
		_, rest, ok := strings.Cut(string(text), selector+" {")
		if !ok {
			t.Fatalf("there is no %s", selector)
		}
		values, _, _ := strings.Cut(rest, "}")
		return strings.Fields(values)
	}
	system, chosen := block(`:root:not([data-theme="light"])`), block(`:root[data-theme="dark"]`)
	if len(system) < 50 || !slices.Equal(system, chosen) {
		t.Errorf("the system's %q\nthe chosen %q", system, chosen)
	}
}
