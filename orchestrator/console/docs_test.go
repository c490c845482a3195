package console_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/amends-io/amends/orchestrator/console"
)

// words takes a shell's line apart: quotes, and nothing else of a shell.
func words(line string) (list []string) {
	var word strings.Builder
	var quote rune
	begun := false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, begun = r, true
		case r == '#' && !begun:
			return list
		case r == ' ':
			if begun {
				list = append(list, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if begun {
		list = append(list, word.String())
	}
	return list
}

// The calls that people copy from docs/api.md do what they are said to do.
func TestTheCallsOfTheDocsWork(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.start("order-18", stuckUnits)
	w.ended("order-18")
	variables := strings.NewReplacer("$A", w.http.URL+console.Prefix, "$J", "Content-Type: application/json")
	calls := 0
	for _, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "curl ") {
			continue
		}
		calls++
		w.curl(line, words(variables.Replace(line))[1:])
		if calls == 1 {
			w.ended("order-17")
		}
	}
	if calls < 15 {
		t.Errorf("only %d calls were found", calls)
	}
}

// curl does what curl does with these arguments.
func (w *world) curl(line string, args []string) {
	w.t.Helper()
	method, body, url, header := http.MethodGet, "", "", map[string]string{}
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-N":
		case "-H":
			i++
			key, value, _ := strings.Cut(args[i], ": ")
			header[key] = value
		case "-d":
			i++
			method, body = http.MethodPost, args[i]
		default:
			url = args[i]
		}
	}
	if strings.Contains(url, "/stream") {
		ctx, cancel := context.WithTimeout(w.t.Context(), patience)
		defer cancel()
		heard := false
		if err := w.read(ctx, url, "", func(event) bool { heard = true; return false }); err != nil || !heard {
			w.t.Errorf("%s: %v", line, err)
		}
		return
	}
	path := strings.TrimPrefix(url, w.http.URL+console.Prefix)
	if status, text := w.do(method, path, body, header); status > 299 {
		w.t.Errorf("%s: %d %s", line, status, text)
	}
}
