/**
 * Source of the data: the tab's server, or in a report the page itself.
 *
 * @typedef {object} Series  one run, prefix and method
 * @property {string} key
 * @property {string} run
 * @property {string} prefix
 * @property {string} method
 * @property {number[]} steps  global steps of the snapshots
 * @property {number} probes
 *
 * @typedef {{first: number, last: number}} StepRange  including both ends
 *
 * @typedef {object} ImageMaps  heatmaps of one image in a range of steps
 * @property {Map<number, SnapshotMaps>} byStep
 * @property {number} bytes
 *
 * @typedef {object} SnapshotMaps  heatmaps of one image in one snapshot, of one size
 * @property {HeatMap} predicted  of the predicted class
 * @property {Map<number, HeatMap>} byClass  by class: of the predicted class, of the labels, and of a false positive
 *
 * @typedef {object} DataSource
 * @property {boolean} isLive  whether more data may come
 * @property {function(): Promise<Series[]>} fetchRuns
 * @property {function(Series, number|null): Promise<object>} fetchSnapshots  those after a step, or all
 * @property {function(Series, number, StepRange, AbortSignal): Promise<ImageMaps>} fetchMaps
 * @property {function(Series, number): string|null} originalUrl
 * @property {function(Series, number, AbortSignal): Promise<MistakeData>} fetchMistakes  of a step
 * @property {function(Series, {step: number, slot: number}): string|null} mistakeUrl  of an image
 *
 * @typedef {{record: object, maps: {class: number, map: HeatMap}[][]}} MistakeData  a snapshot's mistakes as logged
 */

import { ConnectionError } from "./connection_error.js";
import { batchRequests } from "./request_batcher.js";

/** @returns {DataSource} */
export function openDataSource(document) {
  const inlinedData = document.getElementById("camaug-data");
  return inlinedData ? inlinedDataSource(JSON.parse(inlinedData.textContent)) : serverDataSource();
}

/** Data of the tab's server. URLs are relative to the page's base. */
function serverDataSource() {
  const fetchMapsOfImages = batchRequests(([series, range], probes, signal) => {
    const query = new URLSearchParams({ ...seriesQuery(series), ...range });
    for (const probe of probes) query.append("probe", probe);
    return fetchJson("maps", query, signal);
  });
  return {
    isLive: true,
    fetchRuns: async () => (await fetchJson("runs", {})).runs.map(withKey),
    fetchSnapshots: (series, since) =>
      fetchJson("snapshots", { ...seriesQuery(series), ...(since === null ? {} : { since }) }),
    fetchMaps: async (series, probe, range, signal) => {
      const key = `${series.key}|${range.first}|${range.last}`;
      return decodeMaps(await fetchMapsOfImages(key, [series, range], probe, signal), probe, range);
    },
    originalUrl: ({ run, prefix, wall_times: wallTimes }, probe) =>
      // A run of the same name that replaces another has other images, which need another URL.
      routeUrl("original", { run, prefix, probe, started: wallTimes[0] }),
    fetchMistakes: async (series, step, signal) => {
      const query = { ...seriesQuery(series), step };
      const [record, maps] = await Promise.all([
        fetchJson("mistakes", query, signal),
        fetchJson("mistake_maps", query, signal),
      ]);
      return { record, maps: decodeMistakeMaps(maps) };
    },
    mistakeUrl: (series, { step, slot }) => routeUrl("mistake_original", { ...seriesQuery(series), step, slot }),
  };
}

/** Data inlined in a report. */
function inlinedDataSource(data) {
  const { runs, snapshots, maps, originals } = data;
  return {
    isLive: false,
    fetchRuns: async () => runs.map(withKey),
    fetchSnapshots: async ({ key }) => requirePresent(snapshots[key], `snapshots of ${key}`),
    fetchMaps: async ({ key }, probe, range) =>
      decodeMaps(requirePresent(maps[key], `heatmaps of ${key}`), probe, range),
    originalUrl: ({ run, prefix }, probe) => originals[`${run}|${prefix}|${probe}`] ?? null,
    fetchMistakes: async ({ key }, step) => {
      const name = `${key}|${step}`;
      const record = requirePresent(data.mistakes[name], `mistakes of ${name}`);
      return { record, maps: decodeMistakeMaps(data.mistake_maps[name]) };
    },
    mistakeUrl: ({ key }, { step, slot }) => data.mistake_originals[`${key}|${step}|${slot}`] ?? null,
  };
}

function requirePresent(value, description) {
  if (value === undefined) throw new Error(`this report has no ${description}: create it again`);
  return value;
}

function withKey(series) {
  return { ...series, key: `${series.run}|${series.prefix}|${series.method}` };
}

function seriesQuery({ run, prefix, method }) {
  return { run, prefix, method };
}

function routeUrl(route, parameters) {
  const query = new URLSearchParams(parameters).toString();
  return query === "" ? route : `${route}?${query}`;
}

async function fetchJson(route, parameters, signal) {
  let response;
  try {
    response = await fetch(routeUrl(route, parameters), { signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ConnectionError("No connection to TensorBoard: is it still running?", { cause: error });
  }
  const content = await response.json().catch(() => null);
  if (content === null) { // a page of a proxy, which cannot reach TensorBoard or asks for a password again
    const status = `${response.status} ${response.statusText}`.trim();
    throw new ConnectionError(`Not TensorBoard but another server responded to "${route}", with ${status}.`);
  }
  if (!response.ok) throw new Error(content.error ?? `TensorBoard responded to "${route}" with ${response.status}`);
  return content;
}

/** Decode one image's heatmaps in a range of steps. @returns {ImageMaps} */
function decodeMaps({ maps, errors }, probe, { first, last }) {
  const encoded = maps[probe];
  if (encoded === undefined) throw new Error(errors[probe] ?? `the response has no heatmaps of image ${probe}`);
  const byStep = new Map();
  let bytes = 0;
  encoded.steps.forEach((step, i) => {
    if (step < first || step > last) return; // a report holds all steps
    const [width, height] = encoded.sizes[i];
    const heatMaps = encoded.values[i].map((base64, j) => decodeMap(width, height, base64, encoded.ranges[i][j]));
    const byClass = new Map(encoded.classes[i].map((label, j) => [label, heatMaps[j]]));
    byStep.set(step, { predicted: heatMaps[0], byClass });
    bytes += width * height * heatMaps.length;
  });
  return { byStep, bytes };
}

/** Decode the heatmaps of a snapshot's mistakes. */
function decodeMistakeMaps({ images }) {
  return images.map(({ classes, sizes, values, ranges }) =>
    classes.map((index, i) => ({ class: index, map: decodeMap(...sizes[i], values[i], ranges[i]) })),
  );
}

/** @returns {HeatMap} */
function decodeMap(width, height, base64, [low, high]) {
  const values = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return { width, height, values, low, high };
}
