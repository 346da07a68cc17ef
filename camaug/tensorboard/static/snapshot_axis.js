/**
 * Axis of the film strip's columns, of the slider and of the charts, in the unit that the user chooses: epochs, steps or
 * time.
 *
 * By default the unit is epochs if each series has at most one snapshot an epoch, because runs of different batch sizes
 * reach an epoch at different steps, and otherwise steps. On every axis each snapshot of a series has a position of its
 * own, in ascending order.
 *
 * @typedef {"epoch"|"step"|"time"} Unit
 *
 * @typedef {object} Snapshot
 * @property {number} index     in its series, from the first
 * @property {number} step      logging step, which identifies the snapshot within its series
 * @property {number} epoch
 * @property {number} part      number of the snapshot in its epoch, from 1
 * @property {number} parts     snapshots of the series in this epoch
 * @property {number} epochPosition  the epoch for its last snapshot, and fractions before it for earlier ones
 * @property {number} time      seconds since the first snapshot of the run
 * @property {number} position  on the axis: the epoch's position, the step or the time
 *
 * @typedef {object} SnapshotAxis
 * @property {Unit} unit
 * @property {Snapshot[]} snapshots  of all series, by ascending position
 * @property {Map<string, Snapshot[]>} snapshotsOf  of each series, by series key
 * @property {Column[]} columns      one a position
 * @property {Map<number, Column>} columnAt  columns by position
 * @property {number[]} positions    of the columns
 * @property {boolean} hasEpochNames  whether the columns are headed by their epochs, too
 *
 * @typedef {object} Column
 * @property {number} position
 * @property {string} label       short name: the epoch, the step or the time
 * @property {number|null} step   null if the series reach the position at different steps
 * @property {number|null} epoch  null if the series reach the position in different epochs
 * @property {boolean} isWholeEpoch  whether the axis is of epochs and each series has one snapshot in this one
 *
 * @typedef {{epoch: number}|{step: number}|{time: number}} StoredSnapshot  a selected snapshot in the view state
 */

import { epochLabel, placeInEpochs } from "./epoch_positions.js";
import { clockTime, timesOfRuns } from "./run_times.js";

/** Names of the units that the user can choose. */
export const UNITS = { epoch: "Epochs", step: "Steps", time: "Time" };

const POSITION_NAMES = { epoch: "epochPosition", step: "step", time: "time" };

/**
 * @param {{series: Series, response: object}[]} loaded  the series with their snapshot responses
 * @param {Series[]} allSeries  which give the beginning of each run
 * @param {Unit|"auto"} choice
 * @returns {SnapshotAxis}
 */
export function createAxis(loaded, allSeries, choice) {
  const unit = choice === "auto" ? defaultUnit(loaded) : choice;
  const times = timesOfRuns([...allSeries, ...loaded.map(({ series, response }) => ({ ...response, run: series.run }))]);
  const snapshotsOf = new Map();
  for (const { series, response } of loaded) {
    snapshotsOf.set(series.key, listSnapshots(response, times.get(series.run), unit));
  }
  const snapshots = [...snapshotsOf.values()].flat().sort((a, b) => a.position - b.position);
  const columns = listColumns(snapshots, unit);
  // With steps of several series the epochs may go back and forth, and their names would only confuse.
  const isOrdered = columns.every(({ epoch }, i) => epoch !== null && epoch >= (columns[i - 1]?.epoch ?? epoch));
  return {
    unit,
    snapshots,
    snapshotsOf,
    columns,
    columnAt: new Map(columns.map((column) => [column.position, column])),
    positions: columns.map(({ position }) => position),
    hasEpochNames: unit !== "epoch" && isOrdered,
  };
}

/** Return the last of a series' snapshots, or of points of its curve, at or before a position, or null. */
export function snapshotAt(items, position) {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (items[middle].position <= position) low = middle + 1;
    else high = middle;
  }
  return items[low - 1] ?? null;
}

/** Return a series' snapshot exactly at a position, or null. */
export function exactSnapshot(snapshots, position) {
  const snapshot = snapshotAt(snapshots, position);
  return snapshot?.position === position ? snapshot : null;
}

/**
 * Return the snapshot nearest to a stored one, the last of several, or null without snapshots.
 *
 * @param {Snapshot[]} snapshots
 * @param {StoredSnapshot} stored
 */
export function nearestSnapshot(snapshots, stored) {
  const [[unit, value]] = Object.entries(stored);
  const distance = (snapshot) => Math.abs(snapshot[POSITION_NAMES[unit]] - value);
  const nearer = (best, one) => (best === null || distance(one) <= distance(best) ? one : best);
  return snapshots.reduce(nearer, null);
}

/** Return true if a value has the form of a stored snapshot. */
export function isStoredSnapshot(value) {
  const entries = Object.entries(value ?? {});
  return entries.length === 1 && Object.hasOwn(POSITION_NAMES, entries[0][0]) && Number.isFinite(entries[0][1]);
}

/**
 * Return what the view state stores of a position. It is the step where that suffices, because the fractions of an epoch
 * change while a run is in training.
 *
 * @returns {StoredSnapshot}
 */
export function storedSnapshot({ unit, columnAt, snapshots }, position) {
  const { step, isWholeEpoch } = columnAt.get(position) ?? { step: null };
  const isStepElsewhere = snapshots.some((one) => one.step === step && one.position !== position);
  return isWholeEpoch || step === null || isStepElsewhere ? { [unit]: position } : { step };
}

/** Return the short name of a position, which heads its column: `7`, `0 (1/3)`, `1200` or `0:12:30`. */
export function positionLabel({ columnAt }, position) {
  return columnAt.get(position)?.label ?? "";
}

/** Name a position: `epoch 7`, `step 1200` or `time 0:12:30`. */
export function positionName(axis, position) {
  return `${axis.unit} ${positionLabel(axis, position)}`;
}

/**
 * Name a snapshot or a column by its position, then by its step and its epoch as far as they are known:
 * `epoch 7, step 1200` or `time 0:12:30, step 1200, epoch 7`.
 */
export function snapshotName(axis, snapshot) {
  return [positionName(axis, snapshot.position), ...otherNames(axis, snapshot)].join(", ");
}

/** Return the names of a snapshot or a column that its position on the axis does not say. */
export function otherNames(axis, names) {
  const others = ["step", "epoch"].filter((name) => name !== axis.unit && names[name] !== null);
  return others.map((name) => `${name} ${names[name]}`);
}

function defaultUnit(loaded) {
  return loaded.every(({ response }) => isAscending(response.epochs)) ? "epoch" : "step";
}

/** List the snapshots of a series in ascending order. @returns {Snapshot[]} */
function listSnapshots({ steps, epochs }, times, unit) {
  const places = placeInEpochs(epochs);
  return steps.map((step, index) => {
    const snapshot = { index, step, epoch: epochs[index], ...places[index], time: times.get(step) };
    return { ...snapshot, position: snapshot[POSITION_NAMES[unit]] };
  });
}

/** @returns {Column[]} */
function listColumns(snapshots, unit) {
  const groups = new Map();
  for (const snapshot of snapshots) {
    if (!groups.has(snapshot.position)) groups.set(snapshot.position, []);
    groups.get(snapshot.position).push(snapshot);
  }
  const labelOf = {
    epoch: (position, group) => epochLabel(group),
    step: String,
    time: clockTime([...groups.keys()]),
  }[unit];
  return [...groups].map(([position, group]) => ({
    position,
    label: labelOf(position, group),
    step: commonValue(group, "step"),
    epoch: commonValue(group, "epoch"),
    isWholeEpoch: unit === "epoch" && group.every(({ parts }) => parts === 1),
  }));
}

/** Return the value that all items have, or null if they differ. */
function commonValue(items, name) {
  return items.every((item) => item[name] === items[0][name]) ? items[0][name] : null;
}

function isAscending(values) {
  return values.every((value, i) => i === 0 || value > values[i - 1]);
}
