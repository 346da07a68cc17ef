/** Controls that select the two heatmaps to compare. */

import { SAME_POSITION } from "./comparison.js";
import { dropdown, element, segmentedButtons, setAttribute, setOptions, setText } from "./dom.js";
import { positionName, snapshotName, storedSnapshot } from "./snapshot_axis.js";


export function createCompareControls(actions) {
  let axis = null;
  const selectSnapshotA = (value) =>
    actions.setState({ compareSnapshot: value === SAME_POSITION ? value : storedSnapshot(axis, Number(value)) });
  const selectSeriesA = (compareSeries) => actions.setState({ compareSeries });
  const seriesA = dropdown([], selectSeriesA, { "aria-label": "A: run and method" });
  const snapshotA = dropdown([], selectSnapshotA, { "aria-label": "A: snapshot" });
  const seriesB = dropdown([], (series) => actions.setState({ series }), { "aria-label": "B: run and method" });
  const snapshotB = dropdown([], (value) => actions.setPosition(Number(value)), { "aria-label": "B: snapshot" });
  const modes = [["sideBySide", "Side by side"], ["swipe", "Swipe"]];
  const mode = segmentedButtons("Comparison", modes, (compareMode) => actions.setState({ compareMode }));
  const alignment = element("span", { class: "secondary alignment" });
  const group = (letter, ...controls) =>
    element("span", { class: "compare-choice" }, element("b", { class: "letter", text: letter }), ...controls);
  const groups = [group("A", seriesA, snapshotA), group("B", seriesB, snapshotB)];
  const node = element("div", { class: "compare-controls" }, ...groups, mode.node, alignment);
  return {
    node,
    update(viewModel) {
      const { cursor, comparison, series, state } = viewModel;
      axis = viewModel.axis;
      mode.update(state.compareMode);
      const names = series.filter((_, i) => cursor.row.histories[i]).map(({ key, name }) => [key, name]);
      for (const select of [seriesA, seriesB]) {
        setOptions(select, names);
        select.hidden = names.length < 2;
      }
      seriesA.value = comparison.history.series.key;
      seriesB.value = cursor.series.key;
      setOptions(snapshotA, [[SAME_POSITION, `same ${axis.unit} or before`], ...snapshotOptions(axis, comparison.history)]);
      setOptions(snapshotB, snapshotOptions(axis, cursor.history));
      snapshotA.value = comparison.isSamePosition ? SAME_POSITION : comparison.snapshot.position;
      snapshotB.value = cursor.snapshot?.position ?? "";
      const isAligned = comparison.isSamePosition && comparison.history !== cursor.history;
      setText(alignment, isAligned ? describeAlignment(axis, comparison.snapshot, cursor.snapshot) : "");
      for (const select of [seriesA, seriesB, snapshotA, snapshotB]) {
        setAttribute(select, "title", select.selectedOptions[0]?.text ?? null);
      }
    },
  };
}

/** Say by what A and B are aligned and, if A has no snapshot at the position of B, which one is shown. */
function describeAlignment(axis, snapshotA, snapshotB) {
  if (snapshotA === null || snapshotB === null || snapshotA.position === snapshotB.position) {
    return `Aligned by ${axis.unit}`;
  }
  const position = positionName(axis, snapshotB.position);
  return `Aligned by ${axis.unit}: A is its last snapshot before ${position}, ${snapshotName(axis, snapshotA)}`;
}

/** Return the snapshots of a series as options, with their epochs unless these are their names. */
function snapshotOptions(axis, { snapshots }) {
  const name = axis.unit === "epoch" ? ({ position }) => positionName(axis, position) : (one) => snapshotName(axis, one);
  return snapshots.map((snapshot) => [String(snapshot.position), name(snapshot)]);
}
