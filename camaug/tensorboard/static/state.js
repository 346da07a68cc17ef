/**
 * What a person has chosen: one plain object, changed by pure functions, and written into a link.
 *
 * @typedef {object} State
 * @property {string[]|null} runs       chosen runs; null for the newest
 * @property {string[]|null} methods    chosen methods, as `prefix/method`; null for those of the training
 * @property {number|null} epoch        null for the newest, also while a run is still being written
 * @property {string|null} row          key of the image that the cursor is on
 * @property {string|null} series       key of the series that the cursor is on
 * @property {"predicted"|"true"} side  the class whose map is shown
 * @property {"overlay"|"map"} show
 * @property {string} colours           name of the colour map
 * @property {number} opacity           of the heat over the image, 0 to 1
 * @property {number} threshold         heat below it is not shown, 0 to 1
 * @property {string} sort              one of `SORTS` in filters.js
 * @property {boolean} descending
 * @property {string} text              part of a class name to look for
 * @property {string} className         the one class that is shown, or "" for all
 * @property {string} verdict           one of `VERDICTS` in filters.js
 * @property {boolean} flagged          only heatmaps that are not to be trusted
 * @property {"strip"|"large"|"compare"} page
 * @property {"side"|"swipe"} mode      of the comparison
 * @property {string|null} otherSeries  what the cursor's heatmap is compared with; null for the same series
 * @property {number|"same"|null} otherEpoch  null for the first epoch of the same series, the same one of another
 * @property {number} divider           place of the swipe divider, 0 to 1
 */

import { COLOURS } from "./colormaps.js";
import { SORTS, VERDICTS } from "./filters.js";

/** @type {Readonly<State>} */
export const DEFAULTS = Object.freeze({
  runs: null,
  methods: null,
  epoch: null,
  row: null,
  series: null,
  side: "predicted",
  show: "overlay",
  colours: "viridis",
  opacity: 0.6,
  threshold: 0,
  sort: "place",
  descending: false,
  text: "",
  className: "",
  verdict: "all",
  flagged: false,
  page: "strip",
  mode: "side",
  otherSeries: null,
  otherEpoch: null,
  divider: 0.5,
});

const oneOf = (...values) => (value) => values.includes(value);
const share = (value) => typeof value === "number" && value >= 0 && value <= 1;
const text = (value) => typeof value === "string";
const flag = (value) => typeof value === "boolean";
const number = (value) => Number.isInteger(value);
const texts = (value) => Array.isArray(value) && value.every(text);

/** Who may be what: a link may come from anywhere. */
const CHECKS = {
  runs: texts,
  methods: texts,
  epoch: number,
  row: text,
  series: text,
  side: oneOf("predicted", "true"),
  show: oneOf("overlay", "map"),
  colours: oneOf(...Object.keys(COLOURS)),
  opacity: share,
  threshold: share,
  sort: oneOf(...Object.keys(SORTS)),
  descending: flag,
  text,
  className: text,
  verdict: oneOf(...Object.keys(VERDICTS)),
  flagged: flag,
  page: oneOf("strip", "large", "compare"),
  mode: oneOf("side", "swipe"),
  otherSeries: text,
  otherEpoch: (value) => number(value) || value === "same",
  divider: share,
};

/** The state with some of it changed. */
export function change(state, changes) {
  return { ...state, ...changes };
}

/** The state without what narrows down the images. */
export function clearFilters(state) {
  const { text: words, className, verdict, flagged } = DEFAULTS;
  return change(state, { text: words, className, verdict, flagged });
}

/** Whether any image may be left out. */
export function isFiltered(state) {
  return state.text !== "" || state.className !== "" || state.verdict !== "all" || state.flagged;
}

/** What differs from the defaults, as text for a link. */
export function serialise(state) {
  const chosen = Object.entries(state).filter(([name, value]) => value !== DEFAULTS[name]);
  return chosen.length === 0 ? "" : JSON.stringify(Object.fromEntries(chosen));
}

/** The state that a link's text describes; what it does not say, or says wrongly, is as by default. */
export function parse(serialised) {
  let said = {};
  try {
    said = JSON.parse(serialised || "{}");
  } catch {
    console.warn("camaug: the link's view cannot be read, and is left out:", serialised);
  }
  const chosen = Object.entries(said ?? {}).filter(([name, value]) => Object.hasOwn(CHECKS, name) && CHECKS[name](value));
  return { ...DEFAULTS, ...Object.fromEntries(chosen) };
}
