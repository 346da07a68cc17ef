/** Pop-up panels below a button, as `details` elements. */

import { element } from "./dom.js";

/** Create a button that opens a pop-up panel. Clicking elsewhere or pressing Escape closes it. */
export function createPopup(button, panel) {
  const node = element("details", { class: "popup" }, button, panel);
  document.addEventListener("pointerdown", (event) => {
    if (node.open && !node.contains(event.target)) node.open = false;
  });
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !node.open) return;
    node.open = false;
    button.focus();
    event.stopPropagation();
  });
  return node;
}
