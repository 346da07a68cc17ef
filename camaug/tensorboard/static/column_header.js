/** Header of a column of the film strip: its epoch, or its step or time with the epoch that begins there. */

import { element, setAttribute, setText } from "./dom.js";
import { snapshotName, storedSnapshot } from "./snapshot_axis.js";

export function createColumnHeader(actions) {
  const button = element("button", { type: "button" });
  const epochName = element("div", { class: "column-epoch" });
  return {
    node: element("div", { class: "column", role: "columnheader" }, button, epochName),
    update(axis, number, isCurrent) {
      setAttribute(button, "tabindex", isCurrent ? 0 : -1);
      const column = axis.columns[number];
      setText(button, column.label);
      setAttribute(button, "title", `Go to ${snapshotName(axis, column)}`);
      button.onclick = () => actions.setState({ snapshot: storedSnapshot(axis, column.position) });
      const isFirstOfEpoch = column.epoch !== axis.columns[number - 1]?.epoch;
      setText(epochName, axis.hasEpochNames && isFirstOfEpoch ? `epoch ${column.epoch}` : "");
    },
  };
}
