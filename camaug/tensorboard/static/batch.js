/**
 * Puts together what is asked at the same moment: each question takes its time on the way, whatever it is about.
 *
 * @param {function(*, *[], AbortSignal): Promise<*>} ask  asks about several items of a kind at once
 * @returns {function(string, *, *, AbortSignal): Promise<*>}  asks about one item of the kind that has this key; the
 *   answer is that to the question for all
 */
export function batched(ask) {
  const waiting = new Map();

  function send() {
    const batches = [...waiting.values()];
    waiting.clear();
    for (const batch of batches) answer(ask, batch);
  }

  return (key, kind, item, signal) =>
    new Promise((resolve, reject) => {
      if (waiting.size === 0) setTimeout(send, 0);
      if (!waiting.has(key)) waiting.set(key, { kind, wishes: [] });
      waiting.get(key).wishes.push({ item, signal, resolve, reject });
    });
}

/** Ask for those that are still wanted, and call it off when none of them is any more. */
async function answer(ask, { kind, wishes }) {
  const control = new AbortController();
  const wanted = wishes.filter(({ signal }) => !signal.aborted);
  const callOff = () => wanted.every(({ signal }) => signal.aborted) && control.abort();
  for (const { signal } of wanted) signal.addEventListener("abort", callOff);
  for (const wish of wishes) if (!wanted.includes(wish)) wish.reject(new Error("called off"));
  if (wanted.length === 0) return;
  try {
    const found = await ask(kind, wanted.map(({ item }) => item), control.signal);
    for (const { resolve } of wanted) resolve(found);
  } catch (error) {
    for (const { reject } of wanted) reject(error);
  }
}
