/** What was logged, as far as it was asked for: the list of series, their looks, and the heatmaps in sight. */

import { Loader, loadImage } from "./loader.js";

const MAPS_KEPT = 96 * 1024 * 1024; // bytes
const IMAGES_KEPT = 400;

export class Library {
  /**
   * @param {Data} data
   * @param {function(): void} onChange  called when there is something new to show
   */
  constructor(data, onChange) {
    this.data = data;
    this.onChange = onChange;
    this.series = null; // null until the list has come
    this.problem = null; // why the list did not come
    this.answers = new Map(); // to the question for looks, by the series' key
    this.problems = new Map(); // why they did not come
    this.asked = new Map(); // which version was asked for
    const limits = { capacity: MAPS_KEPT, sizeOf: (maps) => maps.bytes };
    const load = ({ series, id }, signal) => data.maps(series, id, signal);
    this.maps = new Loader(load, onChange, limits);
    const original = ({ series, id }, signal) => loadImage(data.originalUrl(series, id), signal);
    this.images = new Loader(original, onChange, { capacity: IMAGES_KEPT });
  }

  /** Look what there is. */
  async refresh() {
    try {
      this.series = await this.data.listRuns();
      this.problem = null;
    } catch (error) {
      this.problem = error.message;
    }
    this.onChange();
  }

  /** Ask for the looks of these series where there are newer ones. */
  need(series) {
    for (const one of series) {
      const version = versionOf(one);
      if (this.asked.get(one.key) === version) continue;
      this.asked.set(one.key, version);
      this.ask(one, version);
    }
  }

  async ask(series, version) {
    try {
      const answer = await this.data.looks(series);
      this.answers.set(series.key, { ...answer, version });
      this.problems.delete(series.key);
    } catch (error) {
      this.problems.set(series.key, error.message);
    }
    this.onChange();
  }

  /** Ask again for what did not come. */
  retry() {
    for (const key of this.problems.keys()) this.asked.delete(key);
    this.problems.clear();
    this.maps.retry();
    this.images.retry();
    return this.refresh();
  }

  /** Say which images in which series are in sight; the rest is not loaded. */
  wish(members) {
    const version = ({ series }) => this.answers.get(series.key)?.version;
    this.maps.want(members.map((one) => ({ key: mapsKey(one), version: version(one), item: one })));
    const images = new Map(members.map((one) => [imageKey(one), { key: imageKey(one), version: 0, item: one }]));
    this.images.want([...images.values()]);
  }

  mapsOf(member) {
    return member ? this.maps.get(mapsKey(member)) : undefined;
  }

  mapsVersion(member) {
    return member ? this.maps.version(mapsKey(member)) : undefined;
  }

  imageOf(member) {
    return member ? (this.images.get(imageKey(member)) ?? null) : null;
  }

  /** Why a member cannot be shown, or undefined. */
  troubleOf(member) {
    return this.maps.error(mapsKey(member)) ?? this.images.error(imageKey(member));
  }
}

function mapsKey({ series, id }) {
  return `${series.key}|${id}`;
}

function imageKey({ series, id }) {
  return `${series.run}|${series.prefix}|${id}`;
}

function versionOf({ epochs, probes }) {
  return `${epochs.length} ${epochs[epochs.length - 1]} ${probes}`;
}
