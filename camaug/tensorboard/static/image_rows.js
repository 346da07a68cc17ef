/**
 * Rows of the film strip: one row an image, with its history in each selected series.
 *
 * @typedef {object} Prediction  prediction and heatmap metrics of one image in one epoch
 * @property {string} predictedName
 * @property {number|null} confidence      in the predicted class
 * @property {number|null} trueConfidence  in the true class
 * @property {number|null} drift           1 − rank correlation with the heatmap of the previous epoch
 * @property {number|null} objectEnergy    share of the heatmap's energy inside the object
 * @property {string} warning              why the heatmap is untrustworthy, or ""
 * @property {[number, number][]} topClasses  classes with their probabilities
 * @property {boolean|null} isCorrect      null without a label
 *
 * @typedef {object} ImageHistory  one image in one series
 * @property {Series} series
 * @property {number} id
 * @property {number[]} epochs
 * @property {function(number): Prediction|null} predictionAt
 *
 * @typedef {object} ImageRow
 * @property {string} key
 * @property {number} id
 * @property {number|null} label
 * @property {string} className
 * @property {(ImageHistory|null)[]} histories  one for each selected series
 */

import { className } from "./format.js";

/**
 * Create the rows of the selected series. An image that several series share is one row.
 *
 * @param {Series[]} series
 * @param {Map<string, object>} responses  snapshot responses, by series key
 * @returns {ImageRow[]}
 */
export function createImageRows(series, responses) {
  const rows = new Map();
  series.forEach((one, number) => {
    const response = responses.get(one.key);
    response?.probes.forEach(({ id, label }, column) => {
      const name = className(response.classes, label);
      const key = `${dataSplit(one.prefix)}${id}|${name}`;
      if (!rows.has(key)) rows.set(key, { key, id, label, className: name, histories: series.map(() => null) });
      rows.get(key).histories[number] = createHistory(one, response, column);
    });
  });
  return [...rows.values()];
}

/** Return the part of the key that separates test images from validation images with the same index. */
function dataSplit(prefix) {
  return prefix.endsWith("_test") ? "test|" : "";
}

function createHistory(series, response, column) {
  const { id, label } = response.probes[column];
  const rowOfEpoch = new Map(response.epochs.map((epoch, row) => [epoch, row]));
  const predictions = new Map();
  const predictionAt = (epoch) => {
    if (!rowOfEpoch.has(epoch)) return null;
    if (!predictions.has(epoch)) predictions.set(epoch, readPrediction(response, rowOfEpoch.get(epoch), column, label));
    return predictions.get(epoch);
  };
  return { series, id, epochs: response.epochs, predictionAt };
}

function readPrediction({ snapshots, classes }, row, column, label) {
  const predicted = snapshots.predicted[row][column] ?? null;
  if (predicted === null) return null;
  return {
    predictedName: className(classes, predicted),
    confidence: snapshots.confidence[row][column],
    trueConfidence: snapshots.true_confidence[row][column],
    drift: snapshots.drift[row][column],
    objectEnergy: snapshots.object_energy[row][column],
    warning: snapshots.warning[row][column] ?? "",
    topClasses: snapshots.top_classes[row][column] ?? [],
    isCorrect: label === null ? null : predicted === label,
  };
}
