/**
 * Where the data come from: the server of the tab, or, in a report, the page itself. Both answer the same questions.
 *
 * @typedef {object} Series  one run, prefix and method
 * @property {string} key
 * @property {string} run
 * @property {string} prefix
 * @property {string} method
 * @property {number[]} epochs
 * @property {number} probes
 *
 * @typedef {{first: number, last: number}} Span  epochs, both ends among them
 *
 * @typedef {object} Maps  the heatmaps of one image in the epochs of a span
 * @property {Map<number, {predicted: HeatMap, true: HeatMap|null}>} byEpoch
 * @property {number} bytes
 *
 * @typedef {object} Data
 * @property {boolean} live  whether there may be more later
 * @property {function(): Promise<Series[]>} listRuns
 * @property {function(Series): Promise<object>} looks
 * @property {function(Series, number, Span, AbortSignal): Promise<Maps>} maps
 * @property {function(Series, number): string|null} originalUrl
 */

import { batched } from "./batch.js";

/** @returns {Data} */
export function openData(document) {
  const inlined = document.getElementById("camaug-data");
  return inlined ? inlinedData(JSON.parse(inlined.textContent)) : servedData();
}

/** Data that the tab's server answers; addresses are relative to the page's base. */
function servedData() {
  const askForMaps = batched(([series, span], probes, signal) => {
    const query = new URLSearchParams({ ...identify(series), ...span });
    for (const probe of probes) query.append("probe", probe);
    return ask("maps", query, signal);
  });
  return {
    live: true,
    listRuns: async () => (await ask("runs", {})).runs.map(named),
    looks: (series) => ask("looks", identify(series)),
    maps: async (series, probe, span, signal) =>
      mapsOf(await askForMaps(`${series.key}|${span.first}|${span.last}`, [series, span], probe, signal), probe, span),
    originalUrl: ({ run, prefix }, probe) => address("original", { run, prefix, probe }),
  };
}

/** Data that the page carries. */
function inlinedData({ runs, looks, maps, originals }) {
  return {
    live: false,
    listRuns: async () => runs.map(named),
    looks: async (series) => present(looks[series.key], `the looks of ${series.key}`),
    maps: async (series, probe, span) => mapsOf(present(maps[series.key], `the heatmaps of ${series.key}`), probe, span),
    originalUrl: ({ run, prefix }, probe) => originals[`${run}|${prefix}|${probe}`] ?? null,
  };
}

function present(found, what) {
  if (found === undefined) throw new Error(`this page does not hold ${what}: make the report anew`);
  return found;
}

function named(series) {
  return { ...series, key: `${series.run}|${series.prefix}|${series.method}` };
}

function identify({ run, prefix, method }) {
  return { run, prefix, method };
}

function address(question, parameters) {
  const query = new URLSearchParams(parameters).toString();
  return query === "" ? question : `${question}?${query}`;
}

async function ask(question, parameters, signal) {
  let response;
  try {
    response = await fetch(address(question, parameters), { signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("TensorBoard does not answer: is it still running?", { cause: error });
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok || answer === null) {
    throw new Error(answer?.error ?? `TensorBoard answered ${response.status} ${response.statusText} to "${question}"`);
  }
  return answer;
}

/** The maps of one of the images of an answer. */
function mapsOf({ maps, errors }, probe, span) {
  if (maps[probe] === undefined) throw new Error(errors[probe] ?? `the heatmaps of image ${probe} did not come`);
  return decode(maps[probe], span);
}

function decode(answer, { first, last }) {
  const byEpoch = new Map();
  let bytes = 0;
  answer.epochs.forEach((epoch, i) => {
    if (epoch < first || epoch > last) return; // a report's answer is of all
    const [width, height] = answer.sizes[i];
    const map = (encoded, range) =>
      encoded === null ? null : { width, height, values: fromBase64(encoded), low: range[0], high: range[1] };
    const predicted = map(answer.predicted[i], answer.predicted_ranges[i]);
    byEpoch.set(epoch, { predicted, true: map(answer.true[i], answer.true_ranges[i]) });
    bytes += width * height * (answer.true[i] === null ? 1 : 2);
  });
  return { byEpoch, bytes };
}

function fromBase64(encoded) {
  return Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
}
