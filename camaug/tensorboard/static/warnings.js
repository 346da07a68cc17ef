/**
 * Warnings about the snapshots at a position, as pure functions of the responses.
 *
 * @typedef {object} SnapshotWarning
 * @property {string} key       of the series and the kind
 * @property {Series} series
 * @property {string} kind
 * @property {string} title     what is wrong, in a few words
 * @property {string} measured  what it was measured by
 * @property {string} remedy    what to try
 * @property {{row: ImageRow, history: ImageHistory, snapshot: Snapshot}[]} images  that show it, the clearest first
 * @property {Snapshot} snapshot
 * @property {number} since     number of snapshots in a row, up to this one, that have the warning
 */

/** Return the warnings of all selected series at a position. @returns {SnapshotWarning[]} */
export function listWarnings(allSeries, responses, allRows, position) {
  return allSeries.flatMap((series) => {
    const response = responses.get(series.key);
    const rows = allRows.flatMap((row) => {
      const history = row.histories.find((one) => one?.series.key === series.key);
      return history ? [{ row, history }] : [];
    });
    const snapshot = rows[0]?.history.snapshotAt(position) ?? null;
    if (!response?.warnings || snapshot === null) return [];
    return response.warnings[snapshot.index].map((warning) => ({
      ...warning,
      key: `${series.key}|${warning.kind}`,
      series,
      snapshot,
      images: warning.positions.flatMap((id) => rows.filter(({ row }) => row.id === id)).map((one) => ({ ...one, snapshot })),
      since: countInARow(response.warnings, snapshot.index, warning.kind),
    }));
  });
}

/** Count the snapshots in a row, backwards from an index, that have a warning of a kind. */
function countInARow(warnings, index, kind) {
  let number = 0;
  while (index - number >= 0 && warnings[index - number].some((one) => one.kind === kind)) number++;
  return number;
}
