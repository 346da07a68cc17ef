/**
 * The mistakes of one series at the selected position.
 *
 * @typedef {object} SnapshotMistakes
 * @property {string} key         of the series and the step
 * @property {Series} series
 * @property {number} step        of the snapshot, the last with mistakes at or before the position
 * @property {Snapshot|null} snapshot  of this step
 * @property {object|null} record  as logged; null until it is loaded
 * @property {Mistake[]} images    none until they are loaded
 * @property {string|undefined} error  why they could not be loaded
 */

import { readMistakes } from "./mistakes.js";
import { snapshotName } from "./snapshot_axis.js";

/**
 * Return the mistakes of the cursor's series, or else of the first that has any, at a position.
 *
 * @returns {SnapshotMistakes|null}
 */
export function findMistakes(allSeries, cache, { allRows, cursor, position, previous }) {
  const candidates = allSeries.filter(({ mistake_steps: steps }) => steps?.length > 0);
  const series = candidates.find(({ key }) => key === cursor?.series.key) ?? candidates[0];
  if (!series || position === null) return null;
  const steps = series.mistake_steps;
  const histories = allRows.map((row) => row.histories.find((one) => one?.series.key === series.key));
  const snapshots = histories.find(Boolean)?.snapshots ?? [];
  const snapshot = snapshots.findLast((one) => one.position <= position);
  const step = steps.findLast((one) => one <= (snapshot?.step ?? 0)) ?? steps[0];
  const key = `${series.key}|${step}`;
  const data = cache.mistakes(series, step);
  const classes = cache.responses.get(series.key)?.classes ?? null;
  const last = previous?.mistakes;
  const isSame = last?.key === key && last.data === data && last.classes === classes;
  const images = isSame ? last.images : data ? readMistakes(data.record, data.maps, classes) : [];
  const error = cache.mistakesError(series, step);
  const ownSnapshot = snapshots.find((one) => one.step === step) ?? null;
  return { key, series, step, snapshot: ownSnapshot, record: data?.record ?? null, images, error, data, classes };
}

/** Name the snapshot of the mistakes: `epoch 3, step 40`. */
export function mistakesSnapshotName(axis, { snapshot, record }) {
  return snapshot ? snapshotName(axis, snapshot) : `epoch ${record.epoch}, step ${record.step}`;
}
