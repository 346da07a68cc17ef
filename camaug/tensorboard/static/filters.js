/**
 * Filtering and sorting of image rows at an epoch, as pure functions.
 *
 * With several series, a row matches if any of them matches, and is sorted by the mean over the series.
 */

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
    value: (row, epoch) => mean(row.histories.filter(Boolean).map((history) => countChanges(history, epoch))),
  },
};

/** @type {Object<string, {name: string, matches: function(ImageHistory, number): boolean}>} */
export const PREDICTION_FILTERS = {
  all: { name: "All predictions", matches: () => true },
  correct: { name: "Correct", matches: (history, epoch) => history.predictionAt(epoch)?.isCorrect === true },
  wrong: { name: "Wrong", matches: (history, epoch) => history.predictionAt(epoch)?.isCorrect === false },
  becameWrong: { name: "Became wrong", matches: becameWrong },
};

/** Return the rows that match the filters, sorted. */
export function filterRows(rows, state, epoch) {
  const matching = rows.filter((row) => matchesFilters(row, state, epoch));
  return sortRows(matching, SORT_KEYS[state.sort].value, state.descending, epoch);
}

/** Return true if the prediction is wrong in this epoch and was correct in an earlier one. */
function becameWrong(history, epoch) {
  if (history.predictionAt(epoch)?.isCorrect !== false) return false;
  return correctnessUntil(history, epoch).includes(true);
}

/** Count the changes between correct and wrong up to this epoch. */
export function countChanges(history, epoch) {
  const correctness = correctnessUntil(history, epoch);
  return correctness.filter((isCorrect, i) => i > 0 && isCorrect !== correctness[i - 1]).length;
}

function matchesFilters(row, state, epoch) {
  if (state.className !== "" && row.className !== state.className) return false;
  if (!row.className.toLowerCase().includes(state.query.trim().toLowerCase())) return false;
  if (state.predictionFilter === "all" && !state.onlyWarnings) return true;
  return row.histories.some((history) => history !== null && historyMatches(history, state, epoch));
}

function historyMatches(history, state, epoch) {
  if (state.onlyWarnings && !history.predictionAt(epoch)?.warning) return false;
  return PREDICTION_FILTERS[state.predictionFilter].matches(history, epoch);
}

function correctnessUntil(history, epoch) {
  const predictions = history.epochs.filter((other) => other <= epoch).map(history.predictionAt);
  return predictions.map((prediction) => prediction?.isCorrect ?? null).filter((isCorrect) => isCorrect !== null);
}

function meanOf(field) {
  return (row, epoch) => mean(row.histories.map((history) => history?.predictionAt(epoch)?.[field]));
}

function mean(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Sort rows stably. Unknown values come last in both directions. */
function sortRows(rows, valueOf, descending, epoch) {
  const keyed = rows.map((row) => ({ row, key: valueOf(row, epoch) }));
  const sign = descending ? -1 : 1;
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
    if (typeof a.key === "string") return sign * a.key.localeCompare(b.key, "en", { numeric: true });
    return sign * (a.key - b.key);
  });
  return keyed.map(({ row }) => row);
}
