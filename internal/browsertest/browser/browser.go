// Package browser drives a headless Chromium for the tests of the tracing UI,
// and for its pictures.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// ErrNone says that this machine has no browser.
var ErrNone = errors.New("no chromium is installed: 'make browser' installs it")

// Find returns where a Chromium is.
func Find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNone
}

// Start starts a browser of its own, which ends with ctx or with stop.
func Start(ctx context.Context) (browser context.Context, stop func(), err error) {
	path, err := Find()
	if err != nil {
		return nil, nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("font-render-hinting", "none"), chromedp.Flag("enable-precise-memory-info", true),
		chromedp.WSURLReadTimeout(time.Minute))
	allocator, cancelAllocator := chromedp.NewExecAllocator(ctx, options...)
	browser, cancelBrowser := chromedp.NewContext(allocator)
	stop = func() { cancelBrowser(); cancelAllocator() }
	if err := chromedp.Do(browser); err != nil {
		stop()
		return nil, nil, fmt.Errorf("start %s: %w", path, err)
	}
	return browser, stop, nil
}

// A Tab is one page, and what went wrong on it.
type Tab struct {
	Ctx context.Context

	mu       sync.Mutex
	faults   []string
	requests []string
}

// Look is how a page is looked at.
type Look struct {
	Width, Height int
	Dark          bool
}

// Open opens a tab that notes each error of the console, each violation of the
// policy, and where it sends requests.
func Open(browser context.Context, l Look) (*Tab, func(), error) {
	ctx, cancel := chromedp.NewContext(browser)
	t := &Tab{Ctx: ctx}
	err := chromedp.Do(ctx, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		var none chromedp.Void
		watch(ctx, target, log.EntryAdded, t.logged)
		watch(ctx, target, runtime.ExceptionThrown, t.thrown)
		watch(ctx, target, network.RequestWillBeSent, t.requested)
		if err := prefer(ctx, target, l.Dark); err != nil {
			return none, err
		}
		_, err := cdp.Call(ctx, target, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: int64(l.Width), Height: int64(l.Height), DeviceScaleFactor: 1, Mobile: l.Width < 600,
		})
		return none, err
	})
	if err != nil {
		cancel()
		return nil, nil, err
	}
	return t, cancel, nil
}

// prefer is what the system says of a page's looks.
func prefer(ctx context.Context, target *chromedp.Target, dark bool) error {
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	return err
}

// System changes the theme of the system beneath a page.
func (t *Tab) System(dark bool) error {
	return chromedp.Do(t.Ctx, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		return chromedp.Void{}, prefer(ctx, target, dark)
	})
}

// watch hands every event on, until the tab ends.
func watch[E any](ctx context.Context, target *chromedp.Target, event cdp.Event[E], note func(E)) {
	events := cdp.Events(ctx, target, event)
	go func() {
		for e, err := range events {
			if err != nil {
				return
			}
			note(e)
		}
	}()
}

func (t *Tab) fault(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, text)
}

func (t *Tab) logged(e log.EventEntryAdded) {
	if e.Entry.Level == log.EntryLevelError {
		t.fault(e.Entry.Text + " " + e.Entry.URL)
	}
}

func (t *Tab) thrown(e runtime.EventExceptionThrown) {
	text := e.ExceptionDetails.Text
	if e.ExceptionDetails.Exception != nil {
		text += " " + e.ExceptionDetails.Exception.Description
	}
	t.fault(text)
}

func (t *Tab) requested(e network.EventRequestWillBeSent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests = append(t.requests, e.Request.URL)
}

// Faults returns what went wrong since the last call.
func (t *Tab) Faults() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	faults := t.faults
	t.faults = nil
	return faults
}

// Requests returns every address that the page asked for.
func (t *Tab) Requests() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.requests...)
}

// Screenshot takes a picture of what is in sight.
func (t *Tab) Screenshot() ([]byte, error) {
	return chromedp.Run(t.Ctx, func(ctx context.Context, target *chromedp.Target) ([]byte, error) {
		picture, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{})
		return picture.Data, err
	})
}

// Eval runs a script on the page, and waits for its promise.
func Eval[T any](t *Tab, script string) (T, error) {
	return chromedp.Run(t.Ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}
