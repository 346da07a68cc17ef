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
 * @property {SnapshotAxis} axis
 * @property {number|null} position                         selected position on the axis
 * @property {Snapshot|null} snapshot                       snapshot at the position, the cursor's if it has one
 * @property {ImageRow[]} allRows
 * @property {ImageRow[]} rows                              filtered and sorted
 * @property {string[]} classNames
 * @property {[HeatmapClass, string][]} heatmapClasses      classes whose heatmaps can be shown, with their names
 * @property {Cursor|null} cursor
 * @property {{history: ImageHistory, snapshot: Snapshot|null, isSamePosition: boolean}|null} comparison  what the
 *   cursor is compared with
 * @property {HeatmapStyle} heatmapStyle
 * @property {SnapshotMistakes|null} mistakes  of the cursor's series or another, null if none has any
 * @property {Mistake[]} shownMistakes         filtered and sorted
 * @property {SnapshotWarning[]} warnings      of all selected series at the position
 * @property {Mistake|null} currentMistake     the opened one
 *
 * @typedef {{row: ImageRow, series: Series, history: ImageHistory, snapshot: Snapshot|null}} Cursor
 */

import { colormapTable } from "./colormaps.js";
import { comparisonTarget } from "./comparison.js";
import { filterRows } from "./filters.js";
import { listHeatmapClasses } from "./heatmap_class.js";
import { createImageRows } from "./image_rows.js";
import { listChoices, selectedMethods, selectedRuns, selectedSeries } from "./series.js";
import { createAxis, nearestSnapshot } from "./snapshot_axis.js";
import { filterMistakes } from "./mistakes.js";
import { findMistakes } from "./snapshot_mistakes.js";
import { listWarnings } from "./warnings.js";

/** @returns {ViewModel} */
export function createViewModel(state, cache, previous) {
  const allSeries = cache.series ?? [];
  const series = selectedSeries(allSeries, state);
  const seriesResponses = series.map(({ key }) => cache.responses.get(key) ?? null);
  const loaded = series.flatMap((one, i) => (seriesResponses[i] ? [{ series: one, response: seriesResponses[i] }] : []));
  const isUnchanged = previous?.state.axis === state.axis && hasSameData(previous, series, seriesResponses);
  const axis = isUnchanged ? previous.axis : createAxis(loaded, allSeries, state.axis);
  const selected = state.snapshot ? nearestSnapshot(axis.snapshots, state.snapshot) : (axis.snapshots.at(-1) ?? null);
  const position = selected?.position ?? null;
  const allRows = isUnchanged ? previous.allRows : createImageRows(series, cache.responses, axis);
  const rows = position === null ? [] : filterRows(allRows, state, position);
  const cursor = findCursor(state, series, allRows, rows, position);
  const mistakes = findMistakes(series, cache, { allRows, cursor, position, previous });
  const shownMistakes = mistakes ? filterMistakes(mistakes.images, state) : [];
  return {
    state,
    mistakes,
    shownMistakes,
    warnings: position === null ? [] : listWarnings(series, cache.responses, allRows, position),
    currentMistake: findMistake(mistakes, shownMistakes, state),
    choices: listChoices(allSeries),
    runs: selectedRuns(allSeries, state),
    methods: selectedMethods(allSeries, state),
    series,
    responses: cache.responses,
    seriesResponses,
    axis,
    position,
    snapshot: cursor?.snapshot?.position === position ? cursor.snapshot : selected,
    allRows,
    rows,
    classNames: [...new Set(allRows.flatMap((row) => row.classNames))].sort(),
    heatmapClasses: listHeatmapClasses(allRows, seriesResponses.some((response) => response?.multi_label)),
    cursor,
    comparison: cursor && comparisonTarget(cursor, position, state),
    heatmapStyle: {
      colours: colormapTable(state.colormap),
      opacity: state.display === "heatmap" ? 1 : state.opacity,
      threshold: state.threshold,
    },
  };
}

/** Return the opened image, which filters do not exclude; without one the first. Null if this snapshot lacks it. */
function findMistake(mistakes, shown, { mistake, page }) {
  const found = mistakes?.images.find(({ key }) => key === mistake) ?? null;
  const isOpened = page === "mistake" && mistake !== null;
  return found ?? (isOpened ? null : (shown[0] ?? mistakes?.images[0] ?? null));
}

function hasSameData(previous, series, seriesResponses) {
  return (
    previous.series.length === series.length &&
    series.every(({ key, name }, i) => key === previous.series[i].key && name === previous.series[i].name) &&
    seriesResponses.every((response, i) => response === previous.seriesResponses[i])
  );
}

/**
 * Return the cursor: the selected row and series, or else the first row and the first series with a snapshot. A page of
 * one image keeps its image even if the filters exclude it.
 */
function findCursor(state, series, allRows, rows, position) {
  const isStrip = state.page === "strip";
  const selectable = isStrip ? rows : allRows;
  const row = selectable.find(({ key }) => key === state.row) ?? rows[0] ?? selectable[0];
  if (!row) return null;
  const histories = row.histories.filter(Boolean);
  const selected = histories.find((one) => one.series.key === state.series);
  const history = selected ?? histories.find((one) => one.exactSnapshot(position)) ?? histories[0];
  const snapshot = history.snapshotAt(position);
  return { row, history, snapshot, series: series.find(({ key }) => key === history.series.key) };
}
