/** Numbers and predictions as text. */

/** Format a fraction as a percentage: `83 %`. */
export function percent(value) {
  return percentWith(value, 0);
}

/**
 * Return a function that formats percentages that are read together: different values get up to two decimals if they
 * would read the same otherwise, as `50.2 %` and `49.8 %`.
 *
 * @param {(number|null)[]} values  values that are read together
 * @returns {function(number|null): string}
 */
export function createPercentFormat(values) {
  return (value) => {
    const others = values.filter((other) => other !== value);
    const isDistinct = (decimals) =>
      others.every((other) => percentWith(other, decimals) !== percentWith(value, decimals));
    if (value === null || value === undefined || value < 0.01) return percent(value);
    return percentWith(value, [0, 1].find(isDistinct) ?? 2);
  };
}

/** Format a number with as many digits as it needs: `0.83`, `12.4`, `0.0031`, `3.1e-5`. */
export function decimal(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  return (value < 0 ? "−" : "") + positiveDecimal(size);
}

/** Return a class's name, or `class 12` if the run logged no names. */
export function className(classes, label) {
  return classes?.[label] ?? `class ${label}`;
}

/** Return the names of an image's labels, `no label` for none. */
export function labelNames(classes, labels) {
  return labels.length === 0 ? ["no label"] : labels.map((label) => className(classes, label));
}

/** Return `correct`, `wrong`, or `no label`. */
export function correctness(prediction) {
  if (prediction.isCorrect === null) return "no label";
  return prediction.isCorrect ? "correct" : "wrong";
}

/** Return the symbol of a prediction's correctness; its shape suffices without its colour. */
export function correctnessSymbol(prediction) {
  if (prediction.isCorrect === null) return "–";
  return prediction.isCorrect ? "✓" : "✗";
}

/** Describe a cell of the film strip for screen readers and tooltips. */
export function describeCell(row, seriesName, snapshotName, prediction, shownClassName) {
  const place = [row.className, `image ${row.id}`, snapshotName, seriesName].filter(Boolean).join(", ");
  if (!prediction) return `${place}: not logged`;
  const warning = prediction.warning ? `, ${prediction.warning}` : "";
  return `${place}: predicted ${describePrediction(prediction)}${warning}${shownClassName}`;
}

/** Describe a prediction: `cat, 83 %, correct`, or of several labels `cat, 83 %, wrong: misses bee`. */
export function describePrediction(prediction) {
  const verdict = [correctness(prediction), prediction.errors].filter(Boolean).join(": ");
  return `${prediction.predictedName}, ${percent(prediction.confidence)}, ${verdict}`;
}

/** Format a count with its noun: `1 image`, `12 images`. */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

function positiveDecimal(value) {
  if (value === 0 || value >= 0.01) return value < 10 ? value.toFixed(2) : value.toFixed(1);
  return value < 0.001 ? value.toExponential(1) : value.toPrecision(2);
}

function percentWith(value, decimals) {
  if (value === null || value === undefined) return "unknown";
  const hundredths = value * 100;
  return `${hundredths > 0 && hundredths < 1 ? "< 1" : hundredths.toFixed(decimals)} %`;
}
