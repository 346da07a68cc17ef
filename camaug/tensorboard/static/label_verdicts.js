/**
 * Labels and false positives of an image whose classes do not exclude each other.
 *
 * @typedef {object} LabelVerdict  of one class of an image
 * @property {number} label              the class
 * @property {number|null} probability
 * @property {string} symbol             `✓`, `✗` or `+`, whose shape suffices without its colour
 * @property {"label"|"missed label"|"false positive"|"most probable class"} role
 */

/**
 * List the labels of an image in their order, then its false positives.
 *
 * @param {number[]} labels
 * @param {Prediction} prediction
 * @returns {LabelVerdict[]}
 */
export function listLabelVerdicts(labels, prediction) {
  return [...labels, ...prediction.falsePositives.map(([label]) => label)].map((label) =>
    labelVerdict(label, labels, prediction),
  );
}

/** Return what one class is in an image. @returns {LabelVerdict} */
export function labelVerdict(label, labels, prediction) {
  const probability = probabilityOf(label, labels, prediction);
  if (prediction.missed.includes(label)) return { label, probability, symbol: "✗", role: "missed label" };
  if (labels.includes(label)) return { label, probability, symbol: "✓", role: "label" };
  const isFalsePositive = prediction.falsePositives.some(([one]) => one === label);
  if (isFalsePositive) return { label, probability, symbol: "+", role: "false positive" };
  return { label, probability, symbol: "–", role: "most probable class" };
}

/** Describe the errors by names: `misses bee; false positive: cat, dog`; empty without errors. */
export function describeLabelErrors(missedNames, falsePositiveNames, falsePositiveCount) {
  const unnamed = falsePositiveCount - falsePositiveNames.length;
  const names = unnamed > 0 ? [...falsePositiveNames, `${unnamed} more`] : falsePositiveNames;
  return [
    missedNames.length > 0 ? `misses ${missedNames.join(", ")}` : "",
    names.length > 0 ? `false positive: ${names.join(", ")}` : "",
  ].filter(Boolean).join("; ");
}

function probabilityOf(label, labels, prediction) {
  if (labels.includes(label)) return prediction.trueConfidences[labels.indexOf(label)];
  const known = [...prediction.falsePositives, ...prediction.topClasses].find(([one]) => one === label);
  return known?.[1] ?? (label === prediction.predicted ? prediction.confidence : null);
}
