/** The one slider: the epoch that everything shows. */

import { element, setAttribute, setText } from "./dom.js";

export function createSlider(act) {
  const range = element("input", { type: "range", id: "epoch", "aria-label": "Epoch", min: 0, step: 1, class: "epoch-slider" });
  const said = element("output", { class: "epoch-said", for: "epoch", "aria-live": "polite" });
  const steps = element("span", { class: "quiet of" });
  const button = (text, label, by) =>
    element("button", { type: "button", text, "aria-label": label, title: label, on: { click: () => act.moveEpoch(by) } });
  const node = element(
    "div",
    { class: "slider", role: "group", "aria-label": "Epoch" },
    button("‹", "Previous epoch", -1),
    range,
    button("›", "Next epoch", 1),
    said,
    steps,
  );
  let epochs = [];
  range.addEventListener("input", () => act.setEpoch(epochs[Number(range.value)]));
  return {
    node,
    update({ epochs: all, epoch, step }) {
      epochs = all;
      node.hidden = all.length === 0;
      if (all.length === 0) return;
      setAttribute(range, "max", all.length - 1);
      range.value = all.indexOf(epoch);
      setAttribute(range, "aria-valuetext", `epoch ${epoch}`);
      setText(said, `epoch ${epoch}`);
      const reached = step === null ? "" : `, step ${step.toLocaleString("en")}`;
      setText(steps, `of ${all[0]} to ${all[all.length - 1]}${reached}`);
    },
  };
}
