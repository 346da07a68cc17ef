/**
 * Validation images that were explained beyond the probe images, as pure functions of a snapshot's record.
 *
 * @typedef {object} Mistake
 * @property {string} key           within the snapshot
 * @property {number} slot          position in the record
 * @property {number|null} id       index in the data set
 * @property {string} name          `image 12`, or its number in the snapshot if the index is unknown
 * @property {Object<string, number|null>} lists  score in each list that the image belongs to
 * @property {number[]} labels
 * @property {string[]} labelNames
 * @property {number} predicted
 * @property {string} predictedName
 * @property {number|null} confidence
 * @property {(number|null)[]} trueConfidences
 * @property {boolean|null} isCorrect
 * @property {[number, number][]} topClasses
 * @property {number|null} similarity    rank correlation of the maps of the two most probable classes
 * @property {number|null} objectEnergy  share of the map's energy inside the object
 * @property {number|null} objectArea    share of the image inside the object
 * @property {{class: number, name: string, map: HeatMap}[]} maps  the two most probable classes and the label
 * @property {{step: number, slot: number}} original  where the image lies
 */

import { className, labelNames } from "./format.js";

const INDISTINGUISHABLE = 0.99; // rank correlation from which two maps look the same

/** @type {Object<string, {name: string, explanation: string, matches: function(Mistake): boolean}>} */
export const MISTAKE_LISTS = {
  all: { name: "All", explanation: "Every validation image that was explained", matches: () => true },
  wrong: {
    name: "Confidently wrong",
    explanation: "Wrong predictions of the highest probability",
    matches: ({ lists }) => Object.hasOwn(lists, "wrong"),
  },
  forgotten: {
    name: "Newly wrong",
    explanation: "Wrong in this validation and correct in the one before",
    matches: ({ lists }) => Object.hasOwn(lists, "forgotten"),
  },
  uncertain: {
    name: "Least certain",
    explanation: "The smallest difference between the two most probable classes",
    matches: ({ lists }) => Object.hasOwn(lists, "uncertain"),
  },
  offObject: {
    name: "Attention off the object",
    explanation: "The object has less of the heatmap than of the image's area",
    matches: ({ objectEnergy, objectArea }) => objectEnergy !== null && objectEnergy < objectArea,
  },
  sameForClasses: {
    name: "Same for both classes",
    explanation: "The heatmaps of the two most probable classes cannot be told apart",
    matches: ({ similarity }) => similarity !== null && similarity >= INDISTINGUISHABLE,
  },
  sample: {
    name: "Sample",
    explanation: "Chosen regardless of the prediction, others in every snapshot",
    matches: ({ lists }) => Object.hasOwn(lists, "sample"),
  },
};

/** @type {Object<string, {name: string, value: function(Mistake): (number|null)}>} */
export const MISTAKE_SORT_KEYS = {
  confidence: { name: "Worst first", value: ({ isCorrect, confidence }) => (isCorrect === false ? 0 : 2) - confidence },
  trueConfidence: { name: "True class, least probable first", value: ({ trueConfidences }) => trueConfidences[0] ?? null },
  margin: { name: "Least certain first", value: ({ topClasses: [first, second] }) => (second ? first[1] - second[1] : null) },
  objectEnergy: { name: "Attention on the object, least first", value: ({ objectEnergy }) => objectEnergy },
  similarity: { name: "Most similar heatmaps first", value: ({ similarity }) => negated(similarity) },
  index: { name: "Image index", value: ({ id, slot }) => id ?? slot },
};

/**
 * Convert a snapshot's record and heatmaps.
 *
 * @param {object} record
 * @param {{class: number, map: HeatMap}[][]} maps  of each image
 * @param {string[]|null} classes  class names
 * @returns {Mistake[]}
 */
export function readMistakes(record, maps, classes) {
  return record.images.map((image, slot) => ({
    key: image.id === null ? `slot ${slot}` : `image ${image.id}`,
    slot,
    id: image.id,
    name: image.id === null ? `image without an index, ${slot + 1}` : `image ${image.id}`,
    lists: image.lists,
    labels: image.labels,
    labelNames: labelNames(classes, image.labels),
    predicted: image.predicted,
    predictedName: className(classes, image.predicted),
    confidence: image.confidence,
    trueConfidences: image.true_confidences,
    isCorrect: image.is_correct,
    topClasses: image.top_classes,
    similarity: image.similarity,
    objectEnergy: image.object_energy,
    objectArea: image.object_area,
    maps: maps[slot].map((one) => ({ ...one, name: className(classes, one.class) })),
    original: { step: image.original[0], slot: image.original[1] },
  }));
}

/** Return the pair of label and prediction, `3>5`, by which images are filtered; the first label of several. */
export function pairOf({ labels, predicted }) {
  return labels.length === 0 ? "" : `${labels[0]}>${predicted}`;
}

/** Name a pair of label and prediction: `cat → dog`. */
export function namePair(pair, classes) {
  const [label, prediction] = pair.split(">").map((index) => className(classes, Number(index)));
  return label === prediction ? `${label}, predicted correctly` : `${label} → ${prediction}`;
}

/** Return the pairs of the wrong predictions with their names and numbers, the most frequent first. */
export function listPairs(mistakes) {
  const pairs = new Map();
  for (const mistake of mistakes.filter(({ isCorrect }) => isCorrect === false)) {
    const key = pairOf(mistake);
    const pair = pairs.get(key) ?? { key, name: `${mistake.labelNames[0]} → ${mistake.predictedName}`, count: 0 };
    pairs.set(key, { ...pair, count: pair.count + 1 });
  }
  return [...pairs.values()].sort((a, b) => b.count - a.count || a.name.localeCompare(b.name, "en"));
}

/** Return the mistakes that match the choices, sorted. Unknown values come last. */
export function filterMistakes(mistakes, { mistakeList, mistakePair, mistakeSort, mistakeQuery }) {
  const query = mistakeQuery.trim().toLowerCase();
  const matchesQuery = ({ labelNames, predictedName }) =>
    [...labelNames, predictedName].some((name) => name.toLowerCase().includes(query));
  const matching = mistakes.filter(
    (one) => MISTAKE_LISTS[mistakeList].matches(one) && (mistakePair === "" || pairOf(one) === mistakePair) && matchesQuery(one),
  );
  const { value } = MISTAKE_SORT_KEYS[mistakeSort];
  const keyed = matching.map((one) => ({ one, key: value(one) }));
  keyed.sort((a, b) => (a.key === null || b.key === null ? (a.key === null) - (b.key === null) : a.key - b.key));
  return keyed.map(({ one }) => one);
}

/** Describe a prediction: `cat, predicted dog with 87 %`. */
export function describeMistake({ labelNames, predictedName }, confidence) {
  return `${labelNames.join(", ")}, predicted ${predictedName} with ${confidence}`;
}

function negated(value) {
  return value === null ? null : -value;
}
