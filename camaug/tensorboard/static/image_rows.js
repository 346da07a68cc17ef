/**
 * Rows of the film strip: one row an image, with its history in each selected series.
 *
 * @typedef {object} Prediction  prediction and heatmap metrics of one image in one snapshot
 * @property {number} predicted           the most probable class
 * @property {string} predictedName
 * @property {number|null} confidence      in the predicted class
 * @property {(number|null)[]} trueConfidences  in each of the image's labels
 * @property {number|null} trueConfidence  mean over the labels
 * @property {number|null} drift           1 − rank correlation with the heatmap of the previous snapshot
 * @property {number|null} objectEnergy    share of the heatmap's energy inside the object
 * @property {string} warning              why the heatmap is untrustworthy, or ""
 * @property {[number, number][]} topClasses  classes with their probabilities
 * @property {boolean|null} isCorrect      null without a label
 * @property {boolean} isMultiLabel        whether the classes do not exclude each other
 * @property {number[]} missed             labels with a probability below 0.5, if `isMultiLabel`
 * @property {[number, number][]} falsePositives  other classes with at least 0.5, the most probable first, in the same case
 * @property {number} falsePositiveCount   their number, of which up to 20 are listed
 * @property {string} errors               both by their names, or ""
 *
 * @typedef {object} ImageHistory  one image in one series
 * @property {Series} series
 * @property {number} id
 * @property {number[]} labels       classes of the image, none without a label
 * @property {Snapshot[]} snapshots  of the series
 * @property {function(number): Snapshot|null} snapshotAt      the last one at or before a position of the axis
 * @property {function(number): Snapshot|null} exactSnapshot  exactly at a position
 * @property {function(Snapshot|null): Prediction|null} predictionOf
 * @property {function(number): Prediction|null} predictionAt  the prediction of `snapshotAt`
 *
 * @typedef {object} ImageRow
 * @property {string} key
 * @property {number} id
 * @property {number[]} labels       classes of the image, none without a label
 * @property {string[]} classNames   names of the classes, or `no label`
 * @property {string} className      the names as one text
 * @property {(ImageHistory|null)[]} histories  one for each selected series
 */

import { className, labelNames } from "./format.js";
import { describeLabelErrors } from "./label_verdicts.js";
import { mean } from "./mean.js";
import { exactSnapshot, snapshotAt } from "./snapshot_axis.js";

/**
 * Create the rows of the selected series. An image that several series share is one row.
 *
 * @param {Series[]} series
 * @param {Map<string, object>} responses  snapshot responses, by series key
 * @param {SnapshotAxis} axis
 * @returns {ImageRow[]}
 */
export function createImageRows(series, responses, axis) {
  const rows = new Map();
  series.forEach((one, number) => {
    const response = responses.get(one.key);
    const snapshots = axis.snapshotsOf.get(one.key) ?? [];
    response?.probes.forEach(({ id, labels }, column) => {
      const classNames = labelNames(response.classes, labels);
      const name = classNames.join(", ");
      const key = `${dataSplit(one.prefix)}${id}|${name}`;
      const row = { key, id, labels, classNames, className: name, histories: series.map(() => null) };
      if (!rows.has(key)) rows.set(key, row);
      rows.get(key).histories[number] = createHistory(one, response, column, snapshots);
    });
  });
  return [...rows.values()];
}

/** Return the part of the key that separates test images from validation images with the same index. */
function dataSplit(prefix) {
  return prefix.endsWith("_test") ? "test|" : "";
}

function createHistory(series, response, column, snapshots) {
  const { id, labels } = response.probes[column];
  const predictions = [];
  const history = {
    series,
    id,
    labels,
    snapshots,
    snapshotAt: (position) => snapshotAt(snapshots, position),
    exactSnapshot: (position) => exactSnapshot(snapshots, position),
    predictionOf: (snapshot) =>
      snapshot && (predictions[snapshot.index] ??= readPrediction(response, snapshot.index, column)),
    predictionAt: (position) => history.predictionOf(history.snapshotAt(position)),
  };
  return history;
}

function readPrediction({ snapshots, classes, multi_label: isMultiLabel }, row, column) {
  const predicted = snapshots.predicted[row][column] ?? null;
  if (predicted === null) return null;
  const trueConfidences = snapshots.true_confidences[row][column];
  const missed = snapshots.missed?.[row][column] ?? [];
  const falsePositives = snapshots.false_positives?.[row][column] ?? [];
  const falsePositiveCount = snapshots.false_positive_count?.[row][column] ?? 0;
  const nameOf = (label) => className(classes, label);
  return {
    predicted,
    predictedName: className(classes, predicted),
    confidence: snapshots.confidence[row][column],
    trueConfidences,
    trueConfidence: mean(trueConfidences),
    drift: snapshots.drift[row][column],
    objectEnergy: snapshots.object_energy[row][column],
    warning: snapshots.warning[row][column] ?? "",
    topClasses: snapshots.top_classes[row][column] ?? [],
    isCorrect: snapshots.correct[row][column],
    isMultiLabel,
    missed,
    falsePositives,
    falsePositiveCount,
    errors: describeLabelErrors(missed.map(nameOf), falsePositives.map(([label]) => nameOf(label)), falsePositiveCount),
  };
}
