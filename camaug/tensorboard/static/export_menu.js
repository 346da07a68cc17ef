/** Pop-up menu that exports the view as a link or an image, and says how to export a run. */

import { element, setText } from "./dom.js";
import { createPopup } from "./popup.js";

export function createExportMenu(actions) {
  const status = element("p", { class: "secondary", role: "status" });
  const button = (text, run) =>
    element("button", { type: "button", text, on: { click: async () => setText(status, await run()) } });
  const panel = element(
    "div",
    { class: "popup-panel right" },
    button("Copy link to this view", actions.copyLink),
    button("Save view as PNG", actions.saveView),
    status,
    element("p", { class: "secondary", text: "Export the whole run as one HTML file:" }),
    element("code", { text: "camaug report RUN" }),
  );
  const node = createPopup(element("summary", { text: "Export" }), panel);
  node.addEventListener("toggle", () => node.open || setText(status, ""));
  return node;
}
