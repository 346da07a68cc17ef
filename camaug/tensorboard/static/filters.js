/**
 * Filtering and sorting of image rows at a position of the axis, as pure functions.
 *
 * With several series, a row matches if any of them matches, and is sorted by the mean over the series.
 */

import { mean } from "./mean.js";

/** @type {Object<string, {name: string, value: function(ImageRow, number): (number|string|null)}>} */
export const SORT_KEYS = {
  index: { name: "Image index", value: (row) => row.id },
  class: { name: "Class", value: (row) => row.className },
  confidence: { name: "Confidence", value: meanOf("confidence") },
  trueConfidence: { name: "True-class confidence", value: meanOf("trueConfidence") },
  drift: { name: "Drift", value: meanOf("drift") },
  objectEnergy: { name: "Object energy", value: meanOf("objectEnergy") },
  changes: {
    name: "Prediction flips",
    value: (row, position) => mean(row.histories.filter(Boolean).map((history) => countChanges(history, position))),
  },
};

/** @type {Object<string, {name: string, matches: function(ImageHistory, number): boolean}>} */
export const PREDICTION_FILTERS = {
  all: { name: "All predictions", matches: () => true },
  correct: { name: "Correct", matches: (history, position) => history.predictionAt(position)?.isCorrect === true },
  wrong: { name: "Wrong", matches: (history, position) => history.predictionAt(position)?.isCorrect === false },
  becameWrong: { name: "Became wrong", matches: becameWrong },
};

/** Return the rows that match the filters, sorted. */
export function filterRows(rows, state, position) {
  const matching = rows.filter((row) => matchesFilters(row, state, position));
  return sortRows(matching, SORT_KEYS[state.sort].value, state.descending, position);
}

/** Return true if the prediction is wrong at this position and was correct at an earlier one. */
function becameWrong(history, position) {
  if (history.predictionAt(position)?.isCorrect !== false) return false;
  return correctnessUntil(history, position).includes(true);
}

/** Count the changes between correct and wrong up to this position. */
export function countChanges(history, position) {
  const correctness = correctnessUntil(history, position);
  return correctness.filter((isCorrect, i) => i > 0 && isCorrect !== correctness[i - 1]).length;
}

function matchesFilters(row, state, position) {
  if (state.className !== "" && !row.classNames.includes(state.className)) return false;
  if (!row.className.toLowerCase().includes(state.query.trim().toLowerCase())) return false;
  if (state.predictionFilter === "all" && !state.onlyWarnings) return true;
  return row.histories.some((history) => history !== null && historyMatches(history, state, position));
}

function historyMatches(history, state, position) {
  if (state.onlyWarnings && !history.predictionAt(position)?.warning) return false;
  return PREDICTION_FILTERS[state.predictionFilter].matches(history, position);
}

function correctnessUntil(history, position) {
  const snapshots = history.snapshots.filter((snapshot) => snapshot.position <= position);
  const predictions = snapshots.map(history.predictionOf);
  return predictions.map((prediction) => prediction?.isCorrect ?? null).filter((isCorrect) => isCorrect !== null);
}

function meanOf(field) {
  return (row, position) => mean(row.histories.map((history) => history?.predictionAt(position)?.[field]));
}

/** Sort rows stably. Unknown values come last in both directions. */
function sortRows(rows, valueOf, descending, position) {
  const keyed = rows.map((row) => ({ row, key: valueOf(row, position) }));
  const sign = descending ? -1 : 1;
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
    if (typeof a.key === "string") return sign * a.key.localeCompare(b.key, "en", { numeric: true });
    return sign * (a.key - b.key);
  });
  return keyed.map(({ row }) => row);
}
