/**
 * Axis of the film strip's columns, of the slider and of the charts.
 *
 * If each series has at most one snapshot an epoch, the series are aligned by epoch, because runs of different batch
 * sizes reach an epoch at different steps. Otherwise they are aligned by global step.
 *
 * @typedef {"epoch"|"step"} Unit
 *
 * @typedef {object} Snapshot
 * @property {number} index     in its series, from the first
 * @property {number} step      global step, which identifies the snapshot within its series
 * @property {number} epoch
 * @property {number} position  on the axis: the epoch or the step
 *
 * @typedef {object} SnapshotAxis
 * @property {Unit} unit
 * @property {Snapshot[]} snapshots  of all series, by ascending position
 * @property {Column[]} columns      one a position
 * @property {number[]} positions    of the columns
 * @property {boolean} hasEpochNames  whether the steps of the columns are headed by their epochs
 *
 * @typedef {object} Column
 * @property {number} position
 * @property {number|null} step   null if the series reach the position at different steps
 * @property {number|null} epoch  null if the series reach the position in different epochs
 *
 * @typedef {{epoch: number}|{step: number}} StoredSnapshot  a selected snapshot in the view state
 */

/**
 * @param {object[]} responses  snapshot responses of the series
 * @returns {SnapshotAxis}
 */
export function createAxis(responses) {
  const unit = responses.every(({ epochs }) => isAscending(epochs)) ? "epoch" : "step";
  const snapshots = responses.flatMap((response) => listSnapshots(response, unit));
  snapshots.sort((a, b) => a.position - b.position);
  const columns = listColumns(snapshots);
  // With steps of several series the epochs may go back and forth, and their names would only confuse.
  const isOrdered = columns.every(({ epoch }, i) => epoch !== null && epoch >= (columns[i - 1]?.epoch ?? epoch));
  const hasEpochNames = unit === "step" && isOrdered;
  return { unit, snapshots, columns, hasEpochNames, positions: columns.map(({ position }) => position) };
}

/** List the snapshots of a series in ascending order. @returns {Snapshot[]} */
export function listSnapshots({ steps, epochs }, unit) {
  const positions = unit === "epoch" ? epochs : steps;
  return steps.map((step, index) => ({ index, step, epoch: epochs[index], position: positions[index] }));
}

/**
 * Return a series' snapshot at a position, or null. On an axis of steps, on which other series may have other
 * positions, it is the last snapshot at or before the position.
 *
 * @param {{position: number}[]} snapshots  of one series, or points of its curve
 */
export function snapshotAt(snapshots, position, unit) {
  return unit === "step" ? lastAtOrBefore(snapshots, position) : exactSnapshot(snapshots, position);
}

/** Return a series' snapshot exactly at a position, or null. */
export function exactSnapshot(snapshots, position) {
  const snapshot = lastAtOrBefore(snapshots, position);
  return snapshot?.position === position ? snapshot : null;
}

/** Return the last item at or before a position, or null; the items are in the order of their positions. */
function lastAtOrBefore(items, position) {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (items[middle].position <= position) low = middle + 1;
    else high = middle;
  }
  return items[low - 1] ?? null;
}

/**
 * Return the snapshot nearest to a stored one, the last of several, or null without snapshots.
 *
 * @param {Snapshot[]} snapshots
 * @param {StoredSnapshot} stored
 */
export function nearestSnapshot(snapshots, stored) {
  const [[unit, value]] = Object.entries(stored);
  const distance = (snapshot) => Math.abs(snapshot[unit] - value);
  const nearer = (best, one) => (best === null || distance(one) <= distance(best) ? one : best);
  return snapshots.reduce(nearer, null);
}

/** Return true if a value has the form of a stored snapshot. */
export function isStoredSnapshot(value) {
  const entries = Object.entries(value ?? {});
  return entries.length === 1 && ["epoch", "step"].includes(entries[0][0]) && Number.isInteger(entries[0][1]);
}

/** Return what the view state stores of a position. @returns {StoredSnapshot} */
export function storedSnapshot({ unit }, position) {
  return { [unit]: position };
}

/** Name a position: `epoch 7` or `step 1200`. */
export function positionName({ unit }, position) {
  return `${unit} ${position}`;
}

/**
 * Name a snapshot or a column by its epoch and its step, as far as both are known, first the one that the axis shows:
 * `epoch 7, step 1200`.
 */
export function snapshotName({ unit }, { step, epoch }) {
  const names = [step === null ? "" : `step ${step}`, epoch === null ? "" : `epoch ${epoch}`];
  if (unit === "epoch") names.reverse();
  return names.filter(Boolean).join(", ");
}

/** @returns {Column[]} */
function listColumns(snapshots) {
  const columns = new Map();
  for (const { position, step, epoch } of snapshots) {
    const column = columns.get(position) ?? { position, step, epoch };
    const common = (name, value) => (column[name] === value ? value : null);
    columns.set(position, { position, step: common("step", step), epoch: common("epoch", epoch) });
  }
  return [...columns.values()];
}

function isAscending(values) {
  return values.every((value, i) => i === 0 || value > values[i - 1]);
}
