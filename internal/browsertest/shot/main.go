// Command shot takes a picture of a page: shot URL FILE WIDTHxHEIGHT light|dark.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/amends-io/amends/internal/browsertest/browser"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 80*time.Second)
	defer cancel()
	b, stop, err := browser.Start(ctx)
	if err != nil {
		return err
	}
	defer stop()
	for len(args) >= 4 {
		var l browser.Look
		if _, err := fmt.Sscanf(args[2], "%dx%d", &l.Width, &l.Height); err != nil {
			return err
		}
		l.Dark = args[3] == "dark"
		tab, end, err := browser.Open(b, l)
		if err != nil {
			return err
		}
		script := ""
		if len(args) > 4 && args[4] != "--" {
			script = args[4]
		}
		if err := chromedp.Do(tab.Ctx, chromedp.Navigate(args[0]), chromedp.Sleep(1200*time.Millisecond)); err != nil {
			return err
		}
		if script != "" {
			out, err := browser.Eval[any](tab, script)
			if err != nil {
				return err
			}
			if err := chromedp.Do(tab.Ctx, chromedp.Sleep(600*time.Millisecond)); err != nil {
				return err
			}
			fmt.Println(out)
		}
		picture, err := tab.Screenshot()
		if err != nil {
			return err
		}
		if err := os.WriteFile(args[1], picture, 0o644); err != nil {
			return err
		}
		for _, fault := range tab.Faults() {
			fmt.Println("FAULT", fault)
		}
		end()
		args = args[4:]
		if len(args) > 0 && (args[0] == "--" || script != "") {
			args = args[1:]
		}
	}
	return nil
}
