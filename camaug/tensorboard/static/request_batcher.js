/**
 * Merge requests that are made at the same moment, because each request has a fixed cost.
 *
 * @param {function(*, *[], AbortSignal): Promise<*>} fetchItems  fetches several items of a group in one request
 * @returns {function(string, *, *, AbortSignal): Promise<*>}  fetches one item of the group with this key; resolves to
 *   the response for all items of the batch
 */
export function batchRequests(fetchItems) {
  const batches = new Map();

  function sendBatches() {
    const pending = [...batches.values()];
    batches.clear();
    for (const batch of pending) sendBatch(fetchItems, batch);
  }

  return (key, group, item, signal) =>
    new Promise((resolve, reject) => {
      if (batches.size === 0) setTimeout(sendBatches, 0);
      if (!batches.has(key)) batches.set(key, { group, requests: [] });
      batches.get(key).requests.push({ item, signal, resolve, reject });
    });
}

/** Send the requests that are not aborted, and abort the batch once all of them are. */
async function sendBatch(fetchItems, { group, requests }) {
  const controller = new AbortController();
  const active = requests.filter(({ signal }) => !signal.aborted);
  for (const request of requests) if (!active.includes(request)) request.reject(new Error("aborted"));
  if (active.length === 0) return;
  const abortIfUnused = () => active.every(({ signal }) => signal.aborted) && controller.abort();
  for (const { signal } of active) signal.addEventListener("abort", abortIfUnused);
  try {
    const response = await fetchItems(group, active.map(({ item }) => item), controller.signal);
    for (const { resolve } of active) resolve(response);
  } catch (error) {
    for (const { reject } of active) reject(error);
  }
}
