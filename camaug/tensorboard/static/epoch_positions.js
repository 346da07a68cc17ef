/** Positions of the snapshots of a series on an axis of epochs. */

/**
 * Return where each snapshot is in its epoch. The snapshots of an epoch are spread evenly over it, the last one at the
 * epoch's own number: three snapshots of epoch 1 are at 1/3, 2/3 and 1, because an event file does not say how long an
 * epoch is.
 *
 * @param {number[]} epochs  of the snapshots, by step
 * @returns {{part: number, parts: number, epochPosition: number}[]}  ascending in `epochPosition`
 */
export function placeInEpochs(epochs) {
  let latest = -Infinity;
  // A run that was continued from other weights may begin again at epoch 0; its steps go on.
  const ascending = epochs.map((epoch) => (latest = Math.max(latest, epoch)));
  const counts = new Map();
  for (const epoch of ascending) counts.set(epoch, (counts.get(epoch) ?? 0) + 1);
  const seen = new Map();
  return ascending.map((epoch) => {
    const part = (seen.get(epoch) ?? 0) + 1;
    seen.set(epoch, part);
    const parts = counts.get(epoch);
    return { part, parts, epochPosition: epoch - 1 + part / parts };
  });
}

/**
 * Return the name of a position from the snapshots there: `7`, or `0 (1/3)` for the first of three snapshots of epoch 0.
 * Where series have different numbers of snapshots in the epoch, the fraction is reduced, and the last one has none.
 *
 * @param {Snapshot[]} snapshots  at one position, at least one
 */
export function epochLabel(snapshots) {
  const [{ part, parts, epochPosition }] = snapshots;
  const epoch = Math.ceil(epochPosition);
  if (snapshots.every((one) => one.parts === parts)) return parts === 1 ? `${epoch}` : `${epoch} (${part}/${parts})`;
  const divisor = greatestCommonDivisor(part, parts);
  return part === parts ? `${epoch}` : `${epoch} (${part / divisor}/${parts / divisor})`;
}

function greatestCommonDivisor(a, b) {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
