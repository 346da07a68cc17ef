/** What is said, in words and numbers. */

/** A share as a percentage: `83 %`. */
export function percent(value) {
  if (value === null || value === undefined) return "unknown";
  const hundredths = value * 100;
  return `${hundredths > 0 && hundredths < 1 ? "< 1" : Math.round(hundredths)} %`;
}

/** A figure with as many places as it needs: `0.83`, `12.4`, `0.0031`. */
export function figure(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  const places = size < 10 ? size.toFixed(2) : size.toFixed(1);
  return (value < 0 ? "−" : "") + (size !== 0 && size < 0.01 ? size.toPrecision(2) : places);
}

/** The name of a class, as the run gave it. */
export function className(classes, label) {
  if (label === null || label === undefined) return "no label";
  return classes?.[label] ?? `class ${label}`;
}

/** `right`, `wrong`, or `no label` where that is not known. */
export function verdict(look) {
  if (look.right === null) return "no label";
  return look.right ? "right" : "wrong";
}

/** The verdict's sign: told apart by its shape. */
export function mark(look) {
  if (look.right === null) return "–";
  return look.right ? "✓" : "✗";
}

/** A cell in one sentence, for those who cannot see it. */
export function sentence(row, series, epoch, look, severalSeries) {
  const place = `${row.className}, image ${row.id}, epoch ${epoch}${severalSeries ? `, ${series.name}` : ""}`;
  if (!look) return `${place}: not logged`;
  const flag = look.flag ? `, ${look.flag}` : "";
  return `${place}: predicted ${look.predictedName}, ${percent(look.confidence)}, ${verdict(look)}${flag}`;
}

/** `1 image`, `12 images`. */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
