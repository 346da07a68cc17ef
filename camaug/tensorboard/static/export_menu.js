/**
 * Pop-up menu that exports the view as a link or an image, and says how to export a run.
 *
 * @typedef {object} ExportResult
 * @property {string} message
 * @property {string} [link]                           link to copy by hand
 * @property {{blob: Blob, fileName: string}} [image]  image to save by hand
 */

import { element, setText } from "./dom.js";
import { createPopup } from "./popup.js";

/** @param {object} actions  `copyLink` and `saveView` resolve to an ExportResult */
export function createExportMenu(actions) {
  const status = element("p", { class: "secondary", role: "status" });
  const offer = createOffer();
  const show = ({ message, link, image }) => {
    setText(status, message);
    offer.update(link ?? null, image ?? null);
  };
  const button = (text, run) =>
    element("button", { type: "button", text, on: { click: async () => show(await run()) } });
  const panel = element(
    "div",
    { class: "popup-panel right" },
    button("Copy link to this view", actions.copyLink),
    button("Save view as PNG", actions.saveView),
    status,
    offer.node,
    element("p", { class: "secondary", text: "Export the whole run as one HTML file:" }),
    element("code", { text: "camaug report RUN" }),
  );
  const node = createPopup(element("summary", { text: "Export" }), panel);
  node.addEventListener("toggle", () => node.open || show({ message: "" }));
  return node;
}

/** What a person can copy or save by hand, where the host of the page lets it do neither. */
function createOffer() {
  const link = element("input", { readonly: true, hidden: true, "aria-label": "Link to this view" });
  const picture = element("img", { class: "export-preview", hidden: true });
  link.addEventListener("focus", () => link.select());
  const node = element("div", {}, link, picture);
  return {
    node,
    update(text, image) {
      link.hidden = text === null;
      link.value = text ?? "";
      if (picture.src !== "") URL.revokeObjectURL(picture.src);
      picture.hidden = image === null;
      picture.removeAttribute("src");
      if (image === null) return;
      picture.src = URL.createObjectURL(image.blob);
      picture.alt = image.fileName;
    },
  };
}
