/** Pop-up menu in which several options can be selected, at least one. */

import { element, setAttribute, setText } from "./dom.js";
import { createPopup } from "./popup.js";

export function createCheckboxMenu(name, onChange, displayName) {
  const button = element("summary", {});
  const panel = element("div", { class: "popup-panel", role: "group", "aria-label": name });
  let shownOptions = "";
  panel.addEventListener("change", ({ target }) => {
    if (panel.querySelector("input:checked") === null) target.checked = true; // the only one, which stays selected
    onChange([...panel.querySelectorAll("input:checked")].map((box) => box.value));
  });
  return {
    node: createPopup(button, panel),
    update(options, selected) {
      const summary = selected.length === 1 ? displayName(selected[0]) : `${selected.length} of ${options.length}`;
      setText(button, `${name}: ${summary}`);
      setAttribute(button, "title", selected.map(displayName).join("\n"));
      if (shownOptions !== options.join("\n")) {
        shownOptions = options.join("\n");
        panel.replaceChildren(...options.map((value) => createOption(value, displayName(value))));
      }
      for (const box of panel.querySelectorAll("input")) box.checked = selected.includes(box.value);
    },
  };
}

function createOption(value, text) {
  return element("label", {}, element("input", { type: "checkbox", value }), element("span", { text }));
}
