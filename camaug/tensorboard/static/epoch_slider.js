/** Slider of the epoch that the whole page shows. */

import { element, iconButton, setAttribute, setText } from "./dom.js";

export function createEpochSlider(actions) {
  const range = element("input", {
    type: "range", id: "epoch", "aria-label": "Epoch", min: 0, step: 1, class: "epoch-range",
  });
  const epochLabel = element("output", { class: "epoch-label", for: "epoch", "aria-live": "polite" });
  const extent = element("span", { class: "secondary epoch-extent" });
  const stepButton = (text, label, offset) =>
    iconButton(text, label, () => actions.moveEpoch(offset));
  const node = element(
    "div",
    { class: "epoch-slider", role: "group", "aria-label": "Epoch" },
    stepButton("‹", "Previous epoch", -1),
    range,
    stepButton("›", "Next epoch", 1),
    epochLabel,
    extent,
  );
  let shownEpochs = [];
  range.addEventListener("input", () => actions.setEpoch(shownEpochs[Number(range.value)]));
  return {
    node,
    update({ epochs, epoch, step }) {
      shownEpochs = epochs;
      node.hidden = epochs.length === 0;
      if (epochs.length === 0) return;
      setAttribute(range, "max", epochs.length - 1);
      range.value = epochs.indexOf(epoch);
      setAttribute(range, "aria-valuetext", `epoch ${epoch}`);
      setText(epochLabel, `epoch ${epoch}`);
      const stepText = step === null ? "" : `, step ${step.toLocaleString("en")}`;
      setText(extent, `of ${epochs[0]}–${epochs[epochs.length - 1]}${stepText}`);
    },
  };
}
