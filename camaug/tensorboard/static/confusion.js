/** The confusion matrix, as pure functions of a snapshot's record. */

import { className } from "./format.js";

/**
 * Return the classes of the matrix that are shown: those with the most mistakes, in the order of their indices.
 *
 * @param {number[][]} rows  `[label, prediction, images]`
 * @param {number} limit
 * @param {function(number): boolean} matches  which classes may be shown
 * @returns {{shown: number[], total: number}}
 */
export function chooseClasses(rows, limit, matches) {
  const mistakes = new Map();
  const add = (index, number) => mistakes.set(index, (mistakes.get(index) ?? 0) + number);
  for (const [label, prediction, images] of rows) {
    for (const index of new Set([label, prediction])) add(index, label === prediction ? 0 : images);
  }
  const matching = [...mistakes.keys()].filter(matches);
  const worst = matching.sort((a, b) => mistakes.get(b) - mistakes.get(a) || a - b).slice(0, limit);
  return { shown: worst.sort((a, b) => a - b), total: mistakes.size };
}

/**
 * Return the cells of the shown classes.
 *
 * @param {number[][]} rows
 * @param {number[]} shown
 * @returns {{label: number, total: number, cells: {prediction: number, images: number, share: number}[]}[]}  `share` is
 *   of the label's images
 */
export function matrixRows(rows, shown) {
  const totals = new Map();
  const counts = new Map();
  for (const [label, prediction, images] of rows) {
    totals.set(label, (totals.get(label) ?? 0) + images);
    counts.set(`${label}>${prediction}`, images);
  }
  return shown.map((label) => {
    const total = totals.get(label) ?? 0;
    const cells = shown.map((prediction) => {
      const images = counts.get(`${label}>${prediction}`) ?? 0;
      return { prediction, images, share: total === 0 ? 0 : images / total };
    });
    return { label, total, cells };
  });
}

/**
 * Return for data with several labels an image the counts of each class, the most mistakes first.
 *
 * @param {number[][]} rows  `[class, true negatives, false positives, false negatives, true positives]`
 */
export function classCounts(rows, classes) {
  const counts = rows.map(([index, , falsePositives, missed, found]) => ({
    index, name: className(classes, index), falsePositives, missed, found,
  }));
  return counts.sort((a, b) => b.falsePositives + b.missed - a.falsePositives - a.missed || a.index - b.index);
}
