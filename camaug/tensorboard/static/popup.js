/** Pop-up panels below a button, as `details` elements. */

import { element } from "./dom.js";

/** Create a button that opens a pop-up panel. Clicking elsewhere, moving the focus elsewhere or Escape closes it. */
export function createPopup(button, panel) {
  const node = element("details", { class: "popup" }, button, panel);
  document.addEventListener("pointerdown", (event) => {
    if (node.open && !node.contains(event.target)) node.open = false;
  });
  node.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget !== null && !node.contains(relatedTarget)) node.open = false;
  });
  return node;
}

/** Close the pop-up panel that is open and focus its button. Return true if there was one. */
export function closePopup(document) {
  const popup = document.querySelector("details.popup[open]");
  if (popup === null) return false;
  popup.open = false;
  popup.querySelector("summary").focus();
  return true;
}
