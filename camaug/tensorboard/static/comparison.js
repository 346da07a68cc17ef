/** Choice of the heatmap that the cursor's heatmap is compared with. */

import { nearestSnapshot } from "./snapshot_axis.js";

export const SAME_POSITION = "same";

/**
 * Return the series and snapshot to compare with: another snapshot of the same series, or another series' last snapshot
 * at or before the position of the cursor's.
 *
 * @param {Cursor} cursor
 * @param {number} position  selected position
 * @param {ViewState} state
 * @returns {{history: ImageHistory, snapshot: Snapshot|null, isSamePosition: boolean}}
 */
export function comparisonTarget({ row, series, history, snapshot }, position, state) {
  const target = row.histories.find((one) => one?.series.key === state.compareSeries) ?? history;
  const isOtherSeries = target.series.key !== series.key;
  const { compareSnapshot } = state;
  const isSamePosition = compareSnapshot === SAME_POSITION || (compareSnapshot === null && isOtherSeries);
  const chooseSnapshot = () => {
    if (isSamePosition) return target.snapshotAt(snapshot?.position ?? position);
    return compareSnapshot ? nearestSnapshot(target.snapshots, compareSnapshot) : target.snapshots[0];
  };
  return { history: target, snapshot: chooseSnapshot(), isSamePosition };
}
