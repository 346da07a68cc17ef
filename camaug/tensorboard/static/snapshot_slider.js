/** Slider of the snapshot that the whole page shows. */

import { dropdown, element, iconButton, labelled, setAttribute, setOptions, setText } from "./dom.js";
import { UNITS, otherNames, positionLabel, positionName, snapshotName } from "./snapshot_axis.js";

export function createSnapshotSlider(actions) {
  const range = element("input", {
    type: "range", id: "snapshot", "aria-label": "Snapshot", min: 0, step: 1, class: "snapshot-range",
  });
  const label = element("output", { class: "snapshot-label", for: "snapshot", "aria-live": "polite" });
  const extent = element("span", { class: "secondary snapshot-extent" });
  const unit = dropdown([], (axis) => actions.setState({ axis }), { "aria-label": "Axis", title: "Unit of the snapshots" });
  const stepButton = (text, name, offset) => iconButton(text, name, () => actions.movePosition(offset));
  const node = element(
    "div",
    { class: "snapshot-slider", role: "group", "aria-label": "Snapshot" },
    stepButton("‹", "Previous snapshot", -1),
    range,
    stepButton("›", "Next snapshot", 1),
    label,
    extent,
    labelled("Axis", unit),
  );
  let positions = [];
  range.addEventListener("input", () => actions.setPosition(positions[Number(range.value)]));
  return {
    node,
    update({ state, axis, position, snapshot }) {
      positions = axis.positions;
      node.hidden = positions.length === 0;
      if (positions.length === 0) return;
      setOptions(unit, unitOptions(axis, state.axis));
      unit.value = state.axis;
      setAttribute(range, "max", positions.length - 1);
      range.value = positions.indexOf(position);
      setAttribute(range, "aria-valuetext", snapshotName(axis, snapshot));
      setText(label, positionName(axis, position));
      const [first, last] = [positions[0], positions.at(-1)].map((one) => positionLabel(axis, one));
      setText(extent, [`of ${first}–${last}`, ...otherNames(axis, snapshot)].join(", "));
    },
  };
}

/** Return the units to choose from; the automatic choice says which unit it has chosen. */
function unitOptions(axis, choice) {
  const automatic = choice === "auto" ? `Auto (${UNITS[axis.unit].toLowerCase()})` : "Auto";
  return [["auto", automatic], ...Object.entries(UNITS)];
}
