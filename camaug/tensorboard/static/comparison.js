/** Choice of the heatmap that the cursor's heatmap is compared with. */

export const SAME_EPOCH = "same";

/**
 * Return the series and epoch to compare with: another epoch of the same series, or the same epoch of another series.
 *
 * @param {Cursor} cursor
 * @param {number} epoch  epoch of the cursor
 * @param {ViewState} state
 * @returns {{history: ImageHistory, epoch: number, isSameEpoch: boolean}}
 */
export function comparisonTarget({ row, series, history }, epoch, state) {
  const target = row.histories.find((one) => one?.series.key === state.compareSeries) ?? history;
  const isOtherSeries = target.series.key !== series.key;
  const isSameEpoch = state.compareEpoch === SAME_EPOCH || (state.compareEpoch === null && isOtherSeries);
  if (isSameEpoch) return { history: target, epoch, isSameEpoch };
  const wanted = state.compareEpoch ?? target.epochs[0];
  const nearer = (best, one) => (Math.abs(one - wanted) < Math.abs(best - wanted) ? one : best);
  return { history: target, epoch: target.epochs.reduce(nearer, target.epochs[0]), isSameEpoch };
}
