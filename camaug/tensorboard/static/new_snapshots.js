/** Snapshots that a run in training has added to the loaded ones. */

/**
 * Return true if a series still has the loaded snapshots. A run that was resumed from an earlier step has replaced some.
 *
 * @param {Series} series   as listed now
 * @param {object} loaded   snapshot response
 */
export function hasSnapshotsOf(series, loaded) {
  const times = series.wall_times;
  return loaded.steps.every((step, i) => step === series.steps[i] && loaded.wall_times[i] === times[i]);
}

/**
 * Append a response that has only the snapshots after the loaded ones.
 *
 * @param {object} loaded    snapshot response
 * @param {object} response  snapshot response
 * @returns {object|null}  all snapshots, or null if they do not belong together, because the images have changed
 */
export function appendSnapshots(loaded, response) {
  if (response.steps[0] <= loaded.steps.at(-1)) return response; // it has all snapshots
  const shape = ({ probes, multi_label: isMultiLabel }) => JSON.stringify([probes, isMultiLabel]);
  if (shape(response) !== shape(loaded)) return null;
  const joined = (name) => [...loaded[name], ...response[name]];
  return {
    ...response,
    steps: joined("steps"),
    wall_times: joined("wall_times"),
    epochs: joined("epochs"),
    warnings: joined("warnings"),
    snapshots: appendLists(loaded.snapshots, response.snapshots),
    metrics: appendLists(loaded.metrics, response.metrics),
  };
}

function appendLists(first, second) {
  const names = new Set([...Object.keys(first), ...Object.keys(second)]);
  return Object.fromEntries([...names].map((name) => [name, [...(first[name] ?? []), ...(second[name] ?? [])]]));
}
