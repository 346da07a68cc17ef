/** Controls that select the two heatmaps to compare. */

import { SAME_EPOCH } from "./comparison.js";
import { dropdown, element, segmentedButtons, setOptions } from "./dom.js";

export function createCompareControls(actions) {
  const selectEpochA = (value) => actions.setState({ compareEpoch: value === SAME_EPOCH ? SAME_EPOCH : Number(value) });
  const selectSeriesA = (compareSeries) => actions.setState({ compareSeries });
  const seriesA = dropdown([], selectSeriesA, { "aria-label": "A: run and method" });
  const epochA = dropdown([], selectEpochA, { "aria-label": "A: epoch" });
  const seriesB = dropdown([], (series) => actions.setState({ series }), { "aria-label": "B: run and method" });
  const epochB = dropdown([], (value) => actions.setEpoch(Number(value)), { "aria-label": "B: epoch" });
  const modes = [["sideBySide", "Side by side"], ["swipe", "Swipe"]];
  const mode = segmentedButtons("Comparison", modes, (compareMode) => actions.setState({ compareMode }));
  const group = (letter, ...controls) =>
    element("span", { class: "compare-choice" }, element("b", { class: "letter", text: letter }), ...controls);
  const groups = [group("A", seriesA, epochA), group("B", seriesB, epochB)];
  const node = element("div", { class: "compare-controls" }, ...groups, mode.node);
  return {
    node,
    update({ cursor, comparison, epoch, series, state }) {
      mode.update(state.compareMode);
      const names = series.filter((_, i) => cursor.row.histories[i]).map(({ key, name }) => [key, name]);
      for (const select of [seriesA, seriesB]) {
        setOptions(select, names);
        select.hidden = names.length < 2;
      }
      seriesA.value = comparison.history.series.key;
      seriesB.value = cursor.series.key;
      setOptions(epochA, [[SAME_EPOCH, "same epoch"], ...epochOptions(comparison.history)]);
      setOptions(epochB, epochOptions(cursor.history));
      epochA.value = comparison.isSameEpoch ? SAME_EPOCH : String(comparison.epoch);
      epochB.value = String(epoch);
    },
  };
}

function epochOptions({ epochs }) {
  return epochs.map((epoch) => [String(epoch), `epoch ${epoch}`]);
}
