/** Slider of the snapshot that the whole page shows. */

import { element, iconButton, setAttribute, setText } from "./dom.js";
import { positionName, snapshotName } from "./snapshot_axis.js";

export function createSnapshotSlider(actions) {
  const range = element("input", {
    type: "range", id: "snapshot", "aria-label": "Snapshot", min: 0, step: 1, class: "snapshot-range",
  });
  const label = element("output", { class: "snapshot-label", for: "snapshot", "aria-live": "polite" });
  const extent = element("span", { class: "secondary snapshot-extent" });
  const stepButton = (text, name, offset) => iconButton(text, name, () => actions.movePosition(offset));
  const node = element(
    "div",
    { class: "snapshot-slider", role: "group", "aria-label": "Snapshot" },
    stepButton("‹", "Previous snapshot", -1),
    range,
    stepButton("›", "Next snapshot", 1),
    label,
    extent,
  );
  let positions = [];
  range.addEventListener("input", () => actions.setPosition(positions[Number(range.value)]));
  return {
    node,
    update({ axis, position, snapshot }) {
      positions = axis.positions;
      node.hidden = positions.length === 0;
      if (positions.length === 0) return;
      setAttribute(range, "max", positions.length - 1);
      range.value = positions.indexOf(position);
      setAttribute(range, "aria-valuetext", snapshotName(axis, snapshot));
      setText(label, positionName(axis, position));
      const other = axis.unit === "epoch" ? `step ${snapshot.step}` : `epoch ${snapshot.epoch}`;
      setText(extent, `of ${positions[0]}–${positions[positions.length - 1]}, ${other}`);
    },
  };
}
