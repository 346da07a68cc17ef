/** What was logged, as far as it was asked for: the list of series, their looks, and the heatmaps in sight. */

import { Loader, loadImage } from "./loader.js";

const PART = 16; // epochs of an image that are asked for at once
const MAPS_AT_ONCE = 128; // parts, of which those of a series and span are one question
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
    const limits = { capacity: MAPS_KEPT, sizeOf: (maps) => maps.bytes, atOnce: MAPS_AT_ONCE };
    const load = ({ series, id, span }, signal) => data.maps(series, id, span, signal);
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

  /**
   * Say what is in sight, the most urgent first; the rest is not loaded.
   *
   * @param {{member: Member, epochs: number[]}[]} sights
   */
  wish(sights) {
    const parts = new Map();
    const images = new Map();
    for (const { member, epochs } of sights) {
      images.set(imageKey(member), { key: imageKey(member), version: 0, item: member });
      for (const epoch of epochs) {
        const part = partOf(member, epoch);
        if (part && !parts.has(part.key)) parts.set(part.key, { ...part, item: { ...part.item, ...member } });
      }
    }
    this.maps.want([...parts.values()]);
    this.images.want([...images.values()]);
  }

  /** The heatmaps of a member in an epoch, or null. */
  mapsOf(member, epoch) {
    const part = member && partOf(member, epoch);
    return (part && this.maps.get(part.key)?.byEpoch.get(epoch)) ?? null;
  }

  /** Changes when there is something new to draw of these epochs. */
  mapsVersion(member, epochs) {
    const keys = new Set(epochs.map((epoch) => member && partOf(member, epoch)?.key));
    return [...keys].map((key) => this.maps.version(key) ?? "").join(";");
  }

  imageOf(member) {
    return member ? (this.images.get(imageKey(member)) ?? null) : null;
  }

  /** Why a member cannot be shown, or undefined. */
  troubleOf(member, epochs) {
    const failed = epochs.map((epoch) => this.maps.error(partOf(member, epoch)?.key)).find(Boolean);
    return failed ?? this.images.error(imageKey(member));
  }
}

/** Which part of a member's heatmaps an epoch is in: what is loaded together, and what is said to load it. */
function partOf({ series, id, epochs }, epoch) {
  const place = epochs.indexOf(epoch);
  if (place < 0) return null;
  const number = Math.floor(place / PART);
  const all = epochs.slice(number * PART, (number + 1) * PART);
  const span = { first: all[0], last: all[all.length - 1] };
  return { key: `${series.key}|${id}|${number}`, version: `${span.first} ${span.last} ${all.length}`, item: { span } };
}

function imageKey({ series, id }) {
  return `${series.run}|${series.prefix}|${id}`;
}

function versionOf({ epochs, probes }) {
  return `${epochs.length} ${epochs[epochs.length - 1]} ${probes}`;
}
