package browsertest

import (
	"fmt"
	"testing"
)

// Where sagas pile up says so in words; from where on a person sets, for the next
// visit too.
func TestThresholds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.fill()
	const stuck, completed = `document.querySelector(".heat td.s-stuck")`, `document.querySelector(".heat td.s-completed")`
	for _, l := range looks {
		if l.name == "wall" || l.name == "wall-dark" {
			continue
		}
		p := open(t, w, l.Look)
		p.visit("/definitions", stuck+`.innerText.replace(/\s+/g, " ") === "many 2"`)
		p.wait(`document.querySelector(".heat td.s-completed").innerText === "13" && document.querySelector(".legend").innerText.includes("1 stuck")`)
		p.click("[aria-expanded=false]")
		p.wait(`document.querySelector(".thresholds")`)
		p.fill("input[name=stuck-too]", "2")
		p.fill("input[name=completed-many]", "20")
		p.fill("input[name=completed-too]", "10")
		p.click(".thresholds .btn.main")
		p.wait(`document.querySelector(".thresholds [role=alert]").innerText.includes("completed: too many (10) is less than many (20)")`)
		p.fill("input[name=completed-many]", "5")
		p.wait(`!document.querySelector(".thresholds [role=alert]")`)
		p.fill("input[name=completed-too]", "")
		p.accessible()
		p.picture("thresholds-" + l.name)
		p.click(".thresholds .btn.main")
		for range 2 {
			p.wait(fmt.Sprintf(`!document.querySelector(".thresholds") && %s.innerText.replace(/\s+/g, " ") === "too many 2" && %s.innerText.replace(/\s+/g, " ") === "many 13"`, stuck, completed))
			p.wait(`/too many\s+from 2 stuck,/.test(document.querySelector(".legend").innerText) && document.querySelector(".legend").innerText.includes("5 completed")`)
			p.visit("/definitions", `document.querySelector(".graph svg .node") && document.querySelector(".heat .mark")`)
		}
		p.accessible()
		p.picture("heat-" + l.name)
		if eval[bool](p, `document.documentElement.scrollWidth > innerWidth + 1`) {
			t.Errorf("the map is wider than the window: %s", eval[string](p, widest))
		}
		p.click("[aria-expanded=false]")
		p.click(".thresholds .btn[type=button]") // as at first
		p.wait(stuck + `.innerText.replace(/\s+/g, " ") === "many 2"`)
		p.sound()
	}
}
