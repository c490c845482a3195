package browsertest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The pure modules are tested by a module that node could run too, here in the
// browser, so that these tests need no node.
func TestPureModules(t *testing.T) {
	t.Parallel()
	files := http.FileServer(http.Dir("../../orchestrator/console/ui"))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<!doctype html><title>tests</title>")) // whoever left needs no answer
			return
		}
		if strings.HasSuffix(r.URL.Path, ".js") {
			w.Header().Set("Content-Type", "text/javascript")
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	p := open(t, &world{t: t, url: s.URL}, desk)
	p.visit("/", "document.title === 'tests'")
	failed := eval[[]string](p, `import("/testdata/model.test.js").then(async ({tests}) => { const failed = []; for (const [name, run] of Object.entries(tests)) { try { await run(); } catch (e) { failed.push(name + ": " + e.message); } } if (Object.keys(tests).length < 10) failed.push("too few tests"); return failed; })`)
	for _, f := range failed {
		t.Error(f)
	}
}
