/** Mean of heatmaps. */

import { upsample } from "./heatmap.js";

const SIDE = 56;

/**
 * Return the mean of heatmaps, each stretched to a square, or null without any.
 *
 * @param {HeatMap[]} maps
 * @returns {HeatMap|null}
 */
export function meanMap(maps) {
  if (maps.length === 0) return null;
  const sum = new Float32Array(SIDE * SIDE);
  for (const map of maps) upsample(map, SIDE, SIDE).forEach((value, i) => (sum[i] += value));
  const values = Uint8Array.from(sum, (value) => Math.round((255 * value) / maps.length));
  return { width: SIDE, height: SIDE, values, low: 0, high: 1 };
}
