/** Loaded data: the list of series, their snapshots, and the heatmaps and images that are visible. */

import { ConnectionError } from "./connection_error.js";
import { loadImage } from "./load_image.js";
import { appendSnapshots, hasSnapshotsOf } from "./new_snapshots.js";
import { OnDemandLoader } from "./on_demand_loader.js";

const CHUNK_SNAPSHOTS = 16; // snapshots of an image that are loaded together
const CONCURRENT_CHUNKS = 128; // chunks of one series and step range are one request
const MAPS_CAPACITY = 96 * 1024 * 1024; // bytes
const IMAGES_CAPACITY = 400;
const MISTAKES_CAPACITY = 40; // snapshots

export class DataCache {
  /**
   * @param {DataSource} dataSource
   * @param {function(): void} onChange  called when there is new data to show
   */
  constructor(dataSource, onChange) {
    this.dataSource = dataSource;
    this.onChange = onChange;
    this.series = null; // null until the list is loaded
    this.runsError = null;
    this.responses = new Map(); // snapshot responses, by series key
    this.snapshotErrors = new Map(); // messages, by series key
    this.requestedVersions = new Map(); // by series key
    const fetchMaps = ({ series, id, range }, signal) =>
      this.watchConnection(dataSource.fetchMaps(series, id, range, signal));
    const mapsOptions = { capacity: MAPS_CAPACITY, sizeOf: (maps) => maps.bytes, concurrency: CONCURRENT_CHUNKS };
    this.mapsLoader = new OnDemandLoader(fetchMaps, onChange, mapsOptions);
    const fetchImage = ({ url }, signal) => loadImage(url, signal);
    this.imageLoader = new OnDemandLoader(fetchImage, onChange, { capacity: IMAGES_CAPACITY });
    const fetchMistakes = ({ series, step }, signal) => dataSource.fetchMistakes(series, step, signal);
    this.mistakesLoader = new OnDemandLoader(fetchMistakes, onChange, { capacity: MISTAKES_CAPACITY });
  }

  /** Load the list of series. */
  async refresh() {
    const wasUnavailable = this.runsError !== null;
    try {
      this.series = await this.dataSource.fetchRuns();
      this.runsError = null;
      if (wasUnavailable) this.retryFailed();
    } catch (error) {
      this.runsError = error.message;
    }
    this.onChange();
  }

  /** Note that the server cannot be reached, so that the next refresh loads again what failed. */
  async watchConnection(response) {
    try {
      return await response;
    } catch (error) {
      if (error instanceof ConnectionError) this.runsError = error.message;
      throw error;
    }
  }

  /** Load the snapshots of the series that have new ones. */
  loadSnapshots(series) {
    for (const one of series) {
      const version = seriesVersion(one);
      if (this.requestedVersions.get(one.key) === version) continue;
      this.requestedVersions.set(one.key, version);
      this.fetchSnapshots(one);
    }
  }

  async fetchSnapshots(series) {
    try {
      this.responses.set(series.key, await this.watchConnection(this.fetchNewSnapshots(series)));
      this.snapshotErrors.delete(series.key);
    } catch (error) {
      this.snapshotErrors.set(series.key, error.message);
    }
    this.onChange();
  }

  /** Return all snapshots of a series, of which only those are requested that came after the loaded ones. */
  async fetchNewSnapshots(series) {
    const loaded = this.responses.get(series.key);
    const isContinued = loaded !== undefined && hasSnapshotsOf(series, loaded);
    const response = await this.dataSource.fetchSnapshots(series, isContinued ? loaded.steps.at(-1) : null);
    if (!isContinued) return response;
    return appendSnapshots(loaded, response) ?? this.dataSource.fetchSnapshots(series, null);
  }

  /** Request everything again that failed. */
  retry() {
    this.retryFailed();
    return this.refresh();
  }

  retryFailed() {
    for (const key of this.snapshotErrors.keys()) this.requestedVersions.delete(key);
    this.snapshotErrors.clear();
    this.mapsLoader.retry();
    this.imageLoader.retry();
    this.mistakesLoader.retry();
  }

  /**
   * Load the heatmaps and images that are visible, the first of the list first, and stop loading everything else.
   *
   * @param {{history: ImageHistory, snapshots: Snapshot[]}[]} visible
   * @param {{series: Series, original: {step: number, slot: number}}[]} [mistakeImages]
   */
  loadVisible(visible, mistakeImages = []) {
    const chunks = new Map();
    const images = new Map();
    for (const { series, original } of mistakeImages) {
      const [key, item] = [mistakeKey(series, original), { url: this.dataSource.mistakeUrl(series, original) }];
      images.set(key, { key, version: 0, item });
    }
    for (const { history, snapshots } of visible) {
      const { series, id } = history;
      const item = { url: this.dataSource.originalUrl(series, id) };
      images.set(imageKey(history), { key: imageKey(history), version: series.wall_times[0], item });
      for (const snapshot of snapshots) {
        const { key, version, range } = chunkOf(history, snapshot);
        if (!chunks.has(key)) chunks.set(key, { key, version, item: { series, id, range } });
      }
    }
    this.mapsLoader.setWanted([...chunks.values()]);
    this.imageLoader.setWanted([...images.values()]);
  }

  /** Load the mistakes of a series at a step, if they are not loaded. */
  loadMistakes(series, step) {
    this.mistakesLoader.setWanted([{ key: `${series.key}|${step}`, version: 0, item: { series, step } }]);
  }

  /** Return the mistakes of a series at a step as they were logged, or undefined. @returns {MistakeData|undefined} */
  mistakes(series, step) {
    return this.mistakesLoader.get(`${series.key}|${step}`);
  }

  /** Return why the mistakes could not be loaded, or undefined. */
  mistakesError(series, step) {
    return this.mistakesLoader.error(`${series.key}|${step}`);
  }

  /** Return an image of a snapshot's mistakes, or null. */
  mistakeImage(series, original) {
    return this.imageLoader.get(mistakeKey(series, original)) ?? null;
  }

  /** Return the heatmaps of an image in a snapshot, or null. */
  maps(history, snapshot) {
    return this.mapsLoader.get(chunkOf(history, snapshot).key)?.byStep.get(snapshot.step) ?? null;
  }

  /** Return a text that changes when new heatmaps of these snapshots are loaded. */
  mapsVersion(history, snapshots) {
    const keys = new Set(snapshots.map((snapshot) => chunkOf(history, snapshot).key));
    return [...keys].map((key) => this.mapsLoader.version(key) ?? "").join(";");
  }

  image(history) {
    return history ? (this.imageLoader.get(imageKey(history)) ?? null) : null;
  }

  /** Return why the image or its heatmaps in these snapshots could not be loaded, or undefined. */
  loadError(history, snapshots) {
    const mapsError = snapshots.map((one) => this.mapsLoader.error(chunkOf(history, one).key)).find(Boolean);
    return mapsError ?? this.imageLoader.error(imageKey(history));
  }
}

/** Return the chunk of an image's heatmaps that contains a snapshot. */
function chunkOf({ series, id, snapshots }, { index }) {
  const number = Math.floor(index / CHUNK_SNAPSHOTS);
  const end = Math.min((number + 1) * CHUNK_SNAPSHOTS, snapshots.length);
  const range = { first: snapshots[number * CHUNK_SNAPSHOTS].step, last: snapshots[end - 1].step };
  const written = series.wall_times[end - 1]; // later if the snapshots were replaced: a resumed run, or another run
  return { key: `${series.key}|${id}|${number}`, version: `${range.first} ${range.last} ${end} ${written}`, range };
}

function imageKey({ series, id }) {
  return `${series.run}|${series.prefix}|${id}`;
}

function seriesVersion({ steps, wall_times: times, probes }) {
  return `${steps.length} ${steps.at(-1)} ${times?.at(-1)} ${probes}`;
}

function mistakeKey(series, { step, slot }) {
  return `${series.key}|mistake|${step}|${slot}`;
}
