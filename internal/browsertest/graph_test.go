package browsertest

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/amends-io/amends/orchestrator/client"
)

// keepWhatIsSaved notes what the page hands to the browser as a file.
const keepWhatIsSaved = `window.saved = []; window.pictures = []; const make = URL.createObjectURL; URL.createObjectURL = (b) => { if (b.type === "image/png") window.pictures.push(b); else b.text().then((text) => window.saved.push(text)); return make.call(URL, b); }`

// save presses the button of that name beside a graph.
func (p *page) save(button string) {
	p.t.Helper()
	p.do(fmt.Sprintf(`[...document.querySelector(".graph").closest(".card").querySelectorAll(".btn")].find((b) => b.textContent === %q).click()`, button))
}

// What can be taken away: the picture, the definition, the history.
func TestExports(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start("order-1", order{Customer: "ann", Units: 1})
	w.settle("order-1")
	p := open(t, w, desk)
	p.visit("/sagas/order-1", `document.querySelector("[data-node='do:confirm'].o-done")`)
	p.do(keepWhatIsSaved)
	p.save("SVG")
	p.wait(`window.saved[0].startsWith("<svg") && /^<svg[^>]*><rect [^>]*fill="#ffffff"/.test(window.saved[0]) && window.saved[0].includes("reserve-stock") && !window.saved[0].includes("class=")`)
	p.save("PNG")
	p.wait(`window.pictures[0].type === "image/png"`)
	if colours := eval[int](p, coloursOfThePicture); colours < 20 {
		t.Errorf("the PNG has %d colours: it is empty", colours)
	}
	p.save("Mermaid")
	p.wait(`window.saved[1].startsWith("flowchart LR") && window.saved[1].includes("undone by")`)
	lines := eval[int](p, `fetch(document.querySelector("#events a[download]").href).then((r) => r.text()).then((t) => t.trim().split("\n").map((l) => JSON.parse(l)).length)`)
	if shown := eval[int](p, `new Set([...document.querySelectorAll(".log .c-seq")].slice(1).map((e) => e.textContent)).size`); lines < 10 || shown > lines {
		t.Errorf("the export has %d messages, the page shows %d", lines, shown)
	}
	p.sound()
}

// coloursOfThePicture reads the PNG back, which is twice as large as the graph, whatever the zoom.
const coloursOfThePicture = `createImageBitmap(window.pictures[0]).then((b) => { const c = new OffscreenCanvas(b.width, b.height), pen = c.getContext("2d"); pen.drawImage(b, 0, 0);
	return b.width !== 2 * document.querySelector("#graph .graph svg").viewBox.baseVal.width ? 0 : new Set(new Uint32Array(pen.getImageData(0, 0, b.width, b.height).data.buffer)).size; })`

// A graph that no window shows is drawn in part, and saved whole: with every
// node and every edge, as it looks now.
func TestAWideGraphIsSavedWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	_, err := client.Start(t.Context(), w.client, wide, order{Customer: "ann", Units: 1}, client.ID("wide-1"))
	must(t, err)
	w.settle("wide-1")
	p := open(t, w, desk)
	p.visit("/sagas/wide-1", `document.querySelector("[data-node='do:step-00'].o-done")`)
	const nodes, edges = 123, 60 + 61 + 60 // the way on, the way back, and what undoes what
	if drawn := eval[int](p, `document.querySelectorAll("#graph .node, #graph .end").length`); drawn > nodes/2 {
		t.Errorf("%d of %d nodes are drawn: what is not in sight costs nothing", drawn, nodes)
	}
	p.do(keepWhatIsSaved)
	p.save("SVG")
	p.wait(`window.saved.length === 1`)
	got := readPicture(t, eval[string](p, `window.saved[0]`))
	if want := (picture{names: 120, boxes: 120, marks: 120, lines: edges}); got != want {
		t.Errorf("the SVG has %+v, want %+v", got, want)
	}
	if eval[bool](p, `Boolean(document.querySelector(".aside"))`) {
		t.Error("what was drawn to be saved is still in the document")
	}
	p.save("PNG")
	p.wait(`window.pictures.length === 1`)
	// What is drawn in its last part is there, too.
	const last = `createImageBitmap(window.pictures[0]).then((b) => { const c = new OffscreenCanvas(b.width, b.height), pen = c.getContext("2d"); pen.drawImage(b, 0, 0);
		const x = Math.floor(b.width * 0.95); return new Set(new Uint32Array(pen.getImageData(x, 0, b.width - x, b.height).data.buffer)).size; })`
	if colours := eval[int](p, last); colours < 20 {
		t.Errorf("the end of the PNG has %d colours: it is empty", colours)
	}
	// A plan to which nothing has happened has no marks that say so.
	p.visit("/definitions/wide/1", `document.querySelector("[data-node='do:step-00']")`)
	p.do(keepWhatIsSaved)
	p.save("SVG")
	p.wait(`window.saved.length === 1 && window.saved[0].includes("step-59")`)
	if got := readPicture(t, eval[string](p, `window.saved[0]`)); got.marks != 0 || got.names != 120 {
		t.Errorf("the plan has %+v", got)
	}
	p.sound()
}

// A picture is what a graph that was saved has of each.
type picture struct{ names, boxes, marks, lines int }

// readPicture counts in an SVG, by where the drawing puts its parts.
func readPicture(t testing.TB, svg string) (found picture) {
	t.Helper()
	var within []string // groups that are nodes, or something else
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return found
		}
		must(t, err)
		switch e := token.(type) {
		case xml.StartElement:
			name := e.Name.Local
			if slices.ContainsFunc(e.Attr, func(a xml.Attr) bool { return a.Name.Local == "data-node" }) {
				name = "node"
				found.boxes++
			}
			within = append(within, name)
			switch strings.Join(within, " ") {
			case "svg path":
				found.lines++
			case "svg node g path":
				found.marks++
			}
		case xml.EndElement:
			within = within[:len(within)-1]
		case xml.CharData:
			if strings.Join(within, " ") == "svg node text" && strings.Contains(string(e), "step-") {
				found.names++
			}
		}
	}
}

// What is larger than its window has a small picture of all of it, which leads
// to where one presses. What fits has none.
func TestWhatIsLargeHasAnOverview(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	_, err := client.Start(t.Context(), w.client, wide, order{Customer: "ann", Units: 1}, client.ID("wide-1"))
	must(t, err)
	w.settle("wide-1")
	w.start("order-1", order{Customer: "ann", Units: 1})
	w.settle("order-1")
	p := open(t, w, desk)
	p.visit("/sagas/wide-1", `document.querySelector("#graph .overview canvas") && document.querySelector("#waterfall .overview canvas")`)
	p.picture("saga-wide")
	p.accessible()
	for _, part := range []struct{ card, box, moved, shown string }{
		{"#graph", ".graph", "scrollLeft", `document.querySelector("[data-node='do:step-59']")`},
		{"#waterfall", ".lines", "scrollTop", `[...document.querySelectorAll(".waterfall .name")].some((e) => e.textContent.startsWith("step-59"))`},
	} {
		overview := part.card + " .overview"
		drawn := fmt.Sprintf(`((c) => new Set(new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer)).size)(document.querySelector("%s canvas"))`, overview)
		p.wait(drawn + " >= 2")
		frame := fmt.Sprintf(`JSON.stringify((({left, top, width, height}) => [left, top, width, height])(document.querySelector("%s i").style))`, overview)
		before := eval[string](p, frame)
		if eval[bool](p, "Boolean("+part.shown+")") {
			t.Fatalf("%s shows its end already", part.card)
		}
		p.do(fmt.Sprintf(`document.querySelector("%s").scrollIntoView({block: "center"})`, overview))
		at := eval[[]float64](p, fmt.Sprintf(`((r) => [r.right - 3, r.bottom - 3])(document.querySelector("%s").getBoundingClientRect())`, overview))
		must(t, chromedp.Do(p.Ctx, chromedp.MouseClickXY(at[0], at[1])))
		p.wait(part.shown)
		p.wait(fmt.Sprintf(`document.querySelector("%s %s").%s > 100`, part.card, part.box, part.moved))
		p.wait(frame + fmt.Sprintf(" !== %q", before))
		// Whoever has no pointer loses nothing: the part itself scrolls by keyboard.
		if !eval[bool](p, fmt.Sprintf(`document.querySelector("%s %s").tabIndex === 0 && document.querySelector("%s").ariaHidden === "true"`, part.card, part.box, overview)) {
			t.Errorf("%s cannot be reached by keyboard, or is read twice", part.card)
		}
	}
	p.sound()
	p.visit("/sagas/order-1", `document.querySelector("[data-node='do:confirm'].o-done") && document.querySelector(".waterfall .line")`)
	if eval[bool](p, `Boolean(document.querySelector(".overview"))`) {
		t.Error("what fits its window has an overview")
	}
}
