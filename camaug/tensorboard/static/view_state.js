/**
 * The user's choices as one plain object, which a link stores.
 *
 * @typedef {object} ViewState
 * @property {string[]|null} runs       selected runs; null for the newest
 * @property {string[]|null} methods    selected methods, as `prefix/method`; null for the methods of the training
 * @property {StoredSnapshot|null} snapshot  null for the newest, also while the run is in training
 * @property {Unit|"auto"} axis         unit of the snapshots' axis
 * @property {string|null} row          key of the cursor's image
 * @property {string|null} series       key of the cursor's series
 * @property {HeatmapClass} heatmapClass  class whose heatmap is shown
 * @property {"overlay"|"heatmap"} display
 * @property {string} colormap
 * @property {number} opacity           of the heatmap over the image, 0 to 1
 * @property {number} threshold         heatmap values below it are transparent, 0 to 1
 * @property {string} sort              a key of `SORT_KEYS`
 * @property {boolean} descending
 * @property {string} query             text to find in class names
 * @property {string} className         only this class, or "" for all
 * @property {string} predictionFilter  a key of `PREDICTION_FILTERS`
 * @property {boolean} onlyWarnings     only heatmaps with a warning
 * @property {"strip"|"details"|"compare"|"mistakes"|"mistake"|"classes"|"warnings"} page
 * @property {"strip"|"mistakes"|"classes"|"warnings"} origin  page that the page of one image was opened from
 * @property {string} mistakeList       a key of `MISTAKE_LISTS`
 * @property {string} mistakePair       only this label and prediction, as `3>5`, or "" for all
 * @property {string} mistakeSort       a key of `MISTAKE_SORT_KEYS`
 * @property {string} mistakeQuery      text to find in class names
 * @property {string|null} mistake      key of the opened image
 * @property {string} matrixCell        selected cell of the confusion matrix, as `3>5`, or class, as `3>`, or ""
 * @property {"images"|"share"} confusionNumbers
 * @property {"sideBySide"|"swipe"} compareMode
 * @property {string|null} compareSeries         key of the series to compare with; null for the cursor's series
 * @property {StoredSnapshot|"same"|null} compareSnapshot  null for the first snapshot of the same series, or the same
 *   position in another
 * @property {number} divider           position of the swipe divider, 0 to 1
 */

import { COLORMAPS } from "./colormaps.js";
import { SAME_POSITION } from "./comparison.js";
import { PREDICTION_FILTERS, SORT_KEYS } from "./filters.js";
import { isHeatmapClass } from "./heatmap_class.js";
import { MISTAKE_LISTS, MISTAKE_SORT_KEYS } from "./mistakes.js";
import { UNITS, isStoredSnapshot } from "./snapshot_axis.js";

/** Names of the pages that list images; the others show one image. */
export const LIST_PAGES = Object.freeze({ strip: "Images", mistakes: "Mistakes", classes: "Classes", warnings: "Warnings" });

/** @type {Readonly<ViewState>} */
export const DEFAULTS = Object.freeze({
  runs: null,
  methods: null,
  snapshot: null,
  axis: "auto",
  row: null,
  series: null,
  heatmapClass: "predicted",
  display: "overlay",
  colormap: "viridis",
  opacity: 0.6,
  threshold: 0,
  sort: "index",
  descending: false,
  query: "",
  className: "",
  predictionFilter: "all",
  onlyWarnings: false,
  page: "strip",
  origin: "strip",
  mistakeList: "all",
  mistakePair: "",
  mistakeSort: "confidence",
  mistakeQuery: "",
  mistake: null,
  matrixCell: "",
  confusionNumbers: "images",
  compareMode: "sideBySide",
  compareSeries: null,
  compareSnapshot: null,
  divider: 0.5,
});

const isOneOf = (...values) => (value) => values.includes(value);
const isFraction = (value) => typeof value === "number" && value >= 0 && value <= 1;
const isText = (value) => typeof value === "string";
const isBoolean = (value) => typeof value === "boolean";
const isTextList = (value) => Array.isArray(value) && value.every(isText);

/** Checks of the values in a link, which may come from untrusted sources. */
const IS_VALID = {
  runs: isTextList,
  methods: isTextList,
  snapshot: isStoredSnapshot,
  axis: isOneOf("auto", ...Object.keys(UNITS)),
  row: isText,
  series: isText,
  heatmapClass: isHeatmapClass,
  display: isOneOf("overlay", "heatmap"),
  colormap: isOneOf(...Object.keys(COLORMAPS)),
  opacity: isFraction,
  threshold: isFraction,
  sort: isOneOf(...Object.keys(SORT_KEYS)),
  descending: isBoolean,
  query: isText,
  className: isText,
  predictionFilter: isOneOf(...Object.keys(PREDICTION_FILTERS)),
  onlyWarnings: isBoolean,
  page: isOneOf(...Object.keys(LIST_PAGES), "details", "compare", "mistake"),
  origin: isOneOf(...Object.keys(LIST_PAGES)),
  mistakeList: isOneOf(...Object.keys(MISTAKE_LISTS)),
  mistakePair: (value) => isText(value) && /^(\d+>\d+)?$/.test(value),
  mistakeSort: isOneOf(...Object.keys(MISTAKE_SORT_KEYS)),
  mistakeQuery: isText,
  mistake: isText,
  matrixCell: (value) => isText(value) && /^(\d+>(\d+|found|missed|false)?)?$/.test(value),
  confusionNumbers: isOneOf("images", "share"),
  compareMode: isOneOf("sideBySide", "swipe"),
  compareSeries: isText,
  compareSnapshot: (value) => value === SAME_POSITION || isStoredSnapshot(value),
  divider: isFraction,
};

/** Return the page that the shown page belongs to: the page itself, or the one that an image was opened from. */
export function listPageOf({ page, origin }) {
  if (Object.hasOwn(LIST_PAGES, page)) return page;
  return page === "mistake" && origin === "strip" ? "mistakes" : origin;
}

/** Return the state without filters. */
export function clearFilters(state) {
  const { query, className, predictionFilter, onlyWarnings } = DEFAULTS;
  return { ...state, query, className, predictionFilter, onlyWarnings };
}

/** Return the state without filters of the mistakes. */
export function clearMistakeFilters(state) {
  const { mistakeList, mistakePair, mistakeQuery } = DEFAULTS;
  return { ...state, mistakeList, mistakePair, mistakeQuery };
}

/** Return true if a filter is active. */
export function isFiltered(state) {
  return state.query !== "" || state.className !== "" || state.predictionFilter !== "all" || state.onlyWarnings;
}

/** Encode the values that differ from the defaults as text for a link. */
export function serialiseViewState(state) {
  const changed = Object.entries(state).filter(([name, value]) => value !== DEFAULTS[name]);
  return changed.length === 0 ? "" : JSON.stringify(Object.fromEntries(changed));
}

/** Decode a link's text. Missing and invalid values get their defaults. */
export function parseViewState(text) {
  let values = {};
  try {
    values = JSON.parse(text || "{}");
  } catch {
    console.warn("camaug: ignored the view in this link, which is not valid JSON:", text);
  }
  const isValid = ([name, value]) => Object.hasOwn(IS_VALID, name) && IS_VALID[name](value);
  return { ...DEFAULTS, ...Object.fromEntries(Object.entries(values ?? {}).filter(isValid)) };
}
