/**
 * Choice of the class whose heatmap is shown, by its part in the image: the predicted class, a label, or a false positive.
 *
 * @typedef {"predicted"|"true"|"falsePositive"|string} HeatmapClass  `true` is the first label, `label2` the second
 */

const LABEL = /^label([2-9]|[1-9]\d{1,3})$/;
const NAMES = { predicted: "Predicted", true: "True", falsePositive: "False positive" };

/** Return true if a value is a choice of a class. */
export function isHeatmapClass(value) {
  return typeof value === "string" && (Object.hasOwn(NAMES, value) || LABEL.test(value));
}

/** Name a choice: `Predicted`, `True` or among several labels `Label 1`, `Label 2`, `False positive`. */
export function heatmapClassName(heatmapClass, hasSeveralLabels) {
  if (LABEL.test(heatmapClass)) return `Label ${heatmapClass.slice("label".length)}`;
  return heatmapClass === "true" && hasSeveralLabels ? "Label 1" : NAMES[heatmapClass];
}

/**
 * List the choices for all images: as many labels as an image has at most.
 *
 * @param {ImageRow[]} rows
 * @param {boolean} isMultiLabel  whether the classes do not exclude each other
 * @returns {[HeatmapClass, string][]}  with their names
 */
export function listHeatmapClasses(rows, isMultiLabel) {
  const most = isMultiLabel ? rows.reduce((count, { labels }) => Math.max(count, labels.length), 1) : 1;
  const classes = ["predicted", ...labelChoices(most), ...(isMultiLabel ? ["falsePositive"] : [])];
  return classes.map((one) => [one, heatmapClassName(one, most > 1)]);
}

/**
 * List the choices of one image, each class once.
 *
 * @param {number[]} labels
 * @param {Prediction|null} prediction
 * @returns {HeatmapClass[]}
 */
export function listClassesOfImage(labels, prediction) {
  const classes = ["predicted", ...labelChoices(labels.length), "falsePositive"];
  const seen = new Set([null]);
  return classes.filter((one) => {
    const label = shownClass(one, labels, prediction);
    return !seen.has(label) && seen.add(label);
  });
}

/** Return the index of the chosen class of an image, or null if the image has none. @returns {number|null} */
export function shownClass(heatmapClass, labels, prediction) {
  if (prediction === null) return null;
  if (heatmapClass === "predicted") return prediction.predicted;
  if (heatmapClass === "falsePositive") return prediction.falsePositives[0]?.[0] ?? null;
  if (heatmapClass === "true") return trueClass(labels, prediction);
  return labels[Number(heatmapClass.slice("label".length)) - 1] ?? null;
}

/**
 * Return the chosen class's heatmap of an image, or null if the image has none.
 *
 * @param {SnapshotMaps|null} maps
 * @param {HeatmapClass} heatmapClass
 * @param {ImageHistory} history
 * @param {Prediction|null} prediction
 * @returns {HeatMap|null}
 */
export function shownMap(maps, heatmapClass, { labels }, prediction) {
  return maps?.byClass.get(shownClass(heatmapClass, labels, prediction)) ?? null;
}

/** Return the first label, or the predicted class of an image without a label and of a correct one. */
function trueClass(labels, prediction) {
  // A correct prediction may be another one of several labels, of which older runs have no heatmap.
  if (!prediction.isMultiLabel && prediction.isCorrect !== false) return prediction.predicted;
  return labels[0] ?? prediction.predicted;
}

function labelChoices(count) {
  return Array.from({ length: count }, (_, i) => (i === 0 ? "true" : `label${i + 1}`));
}
