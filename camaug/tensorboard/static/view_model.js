/**
 * Everything that the page shows, computed from the view state and the loaded data.
 *
 * @typedef {object} ViewModel
 * @property {ViewState} state
 * @property {{runs: string[], methods: string[]}} choices  runs and methods to choose from
 * @property {string[]} runs                                selected runs
 * @property {string[]} methods                             selected methods
 * @property {Series[]} series                              selected series
 * @property {Map<string, object>} responses                snapshot responses, by series key
 * @property {(object|null)[]} seriesResponses              snapshot response of each selected series
 * @property {number[]} epochs
 * @property {number|null} epoch                            selected epoch
 * @property {number|null} step                             global step of the epoch
 * @property {ImageRow[]} allRows
 * @property {ImageRow[]} rows                              filtered and sorted
 * @property {string[]} classNames
 * @property {Cursor|null} cursor
 * @property {{history: ImageHistory, epoch: number, isSameEpoch: boolean}|null} comparison  what the cursor is compared
 *   with
 * @property {HeatmapStyle} heatmapStyle
 *
 * @typedef {{row: ImageRow, series: Series, history: ImageHistory}} Cursor
 */

import { colormapTable } from "./colormaps.js";
import { comparisonTarget } from "./comparison.js";
import { filterRows } from "./filters.js";
import { createImageRows } from "./image_rows.js";
import { listChoices, selectedMethods, selectedRuns, selectedSeries } from "./series.js";

/** @returns {ViewModel} */
export function createViewModel(state, cache, previous) {
  const allSeries = cache.series ?? [];
  const series = selectedSeries(allSeries, state);
  const seriesResponses = series.map(({ key }) => cache.responses.get(key) ?? null);
  const loaded = seriesResponses.filter(Boolean);
  const epochs = [...new Set(loaded.flatMap((response) => response.epochs))].sort((a, b) => a - b);
  const epoch = selectedEpoch(epochs, state);
  const isUnchanged = previous && hasSameData(previous, series, seriesResponses);
  const allRows = isUnchanged ? previous.allRows : createImageRows(series, cache.responses);
  const rows = epoch === null ? [] : filterRows(allRows, state, epoch);
  const cursor = findCursor(state, series, allRows, rows);
  return {
    state,
    choices: listChoices(allSeries),
    runs: selectedRuns(allSeries, state),
    methods: selectedMethods(allSeries, state),
    series,
    responses: cache.responses,
    seriesResponses,
    epochs,
    epoch,
    step: globalStep(loaded, epoch),
    allRows,
    rows,
    classNames: [...new Set(allRows.map((row) => row.className))].sort(),
    cursor,
    comparison: cursor && comparisonTarget(cursor, epoch, state),
    heatmapStyle: {
      colours: colormapTable(state.colormap),
      opacity: state.display === "heatmap" ? 1 : state.opacity,
      threshold: state.threshold,
    },
  };
}

/** Return the existing epoch nearest to the selected one, the newest if none is selected, or null. */
function selectedEpoch(epochs, state) {
  if (epochs.length === 0) return null;
  if (state.epoch === null) return epochs[epochs.length - 1];
  return epochs.reduce((best, epoch) => (Math.abs(epoch - state.epoch) < Math.abs(best - state.epoch) ? epoch : best));
}

function hasSameData(previous, series, seriesResponses) {
  return (
    previous.series.length === series.length &&
    series.every(({ key, name }, i) => key === previous.series[i].key && name === previous.series[i].name) &&
    seriesResponses.every((response, i) => response === previous.seriesResponses[i])
  );
}

function globalStep(responses, epoch) {
  const response = responses.find(({ epochs }) => epochs.includes(epoch));
  return response?.steps?.[response.epochs.indexOf(epoch)] ?? null;
}

/** Return the cursor. A page of one image keeps its image even if the filters exclude it. */
function findCursor(state, series, allRows, rows) {
  const isStrip = state.page === "strip";
  const selectable = isStrip ? rows : allRows;
  const row = selectable.find(({ key }) => key === state.row) ?? rows[0] ?? selectable[0];
  if (!row) return null;
  const histories = row.histories.filter(Boolean);
  const history = histories.find((one) => one.series.key === state.series) ?? histories[0];
  return { row, history, series: series.find(({ key }) => key === history.series.key) };
}
