/** Numbers and predictions as text. */

/** Format a fraction as a percentage: `83 %`. */
export function percent(value) {
  if (value === null || value === undefined) return "unknown";
  const hundredths = value * 100;
  return `${hundredths > 0 && hundredths < 1 ? "< 1" : Math.round(hundredths)} %`;
}

/** Format a number with as many decimals as it needs: `0.83`, `12.4`, `0.0031`. */
export function decimal(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  const rounded = size < 10 ? size.toFixed(2) : size.toFixed(1);
  return (value < 0 ? "−" : "") + (size !== 0 && size < 0.01 ? size.toPrecision(2) : rounded);
}

/** Return a class's name, `class 12` if the run logged no names, or `no label`. */
export function className(classes, label) {
  if (label === null || label === undefined) return "no label";
  return classes?.[label] ?? `class ${label}`;
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
export function describeCell(row, series, epoch, prediction, hasSeveralSeries) {
  const position = `${row.className}, image ${row.id}, epoch ${epoch}${hasSeveralSeries ? `, ${series.name}` : ""}`;
  if (!prediction) return `${position}: not logged`;
  const warning = prediction.warning ? `, ${prediction.warning}` : "";
  const { predictedName, confidence } = prediction;
  return `${position}: predicted ${predictedName}, ${percent(confidence)}, ${correctness(prediction)}${warning}`;
}

/** Format a count with its noun: `1 image`, `12 images`. */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
