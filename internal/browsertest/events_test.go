package browsertest

import (
	"fmt"
	"testing"
)

// rowsOpenInPlace opens several messages beneath their rows, by keyboard too: the
// window still knows how high the list is, and draws what is in sight.
func rowsOpenInPlace(t *testing.T, w *world) {
	p := open(t, w, desk)
	p.visit("/sagas/long-1", `document.querySelector(".log-tools .how-many").textContent.trim().match(/^[0-9\u2009]+ events$/)`)
	toggle := func(row int) string { return fmt.Sprintf("[aria-label='message of row %d']", row) }
	p.wait(`document.querySelector(".log .c-open button").getAttribute("aria-expanded") === "false"`)
	height := eval[float64](p, `document.querySelector(".log table").offsetHeight`)
	p.do(fmt.Sprintf(`document.querySelector(%q).focus()`, toggle(2)))
	p.press("\r")
	p.click(toggle(4))
	p.wait(`document.querySelectorAll(".log [aria-expanded=true]").length === 2 && document.querySelectorAll(".log .more pre").length === 2`)
	p.wait(`JSON.parse(document.querySelector(".log .more pre").textContent).sequence === Number(document.querySelectorAll(".log .c-seq")[2].textContent)`)
	p.wait(`document.querySelector(".log .more code").textContent.startsWith("amends history long-1 --from ")`)
	const part = 260
	if grown := eval[float64](p, `document.querySelector(".log table").offsetHeight`) - height; grown != 2*part {
		t.Errorf("two open rows make the list %v higher, want %v", grown, 2*part)
	}
	p.accessible()
	p.picture("events-open")
	// What is far above keeps its room, and is still open when one comes back.
	p.do(`document.querySelector(".log").scrollTop = 150000`)
	p.wait(`[...document.querySelectorAll(".log tbody tr")].some((r) => r.getAttribute("aria-rowindex") > 4000) && !document.querySelector(".log .more")`)
	if grown := eval[float64](p, `document.querySelector(".log table").offsetHeight`) - height; grown != 2*part {
		t.Errorf("out of sight, two open rows make the list %v higher, want %v", grown, 2*part)
	}
	p.do(`for (const b of document.querySelectorAll(".log .c-open button")) b.click()`)
	p.wait(`document.querySelectorAll(".log .more pre").length > 2`)
	if rows := eval[int](p, rowsOnPage); rows > mostRows {
		t.Errorf("%d rows are in the page, at most %d may be", rows, mostRows)
	}
	p.do(`document.querySelector(".log").scrollTop = 0`)
	p.wait(`document.querySelectorAll(".log [aria-expanded=true]").length === 2 && document.querySelectorAll(".log .more pre").length === 2`)
	p.click(toggle(2))
	p.wait(`document.querySelectorAll(".log .more").length === 1`)
	p.sound()
}
