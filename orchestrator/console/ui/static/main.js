// Where everything begins.
import { html, render } from "./lib.js";
import { follow } from "./router.js";
import { App } from "./app.js";

document.addEventListener("click", follow);
const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
