/**
 * Wires the page: what a person does changes the state, what arrives fills the library, and either makes a new scene,
 * from which every part of the page draws itself.
 *
 * @typedef {object} Scene
 * @property {State} state
 * @property {{runs: string[], methods: string[]}} all      what can be chosen
 * @property {string[]} runs, methods                       what is chosen
 * @property {object[]} series
 * @property {Map<string, object>} answers                  looks, by the series' key
 * @property {number[]} epochs
 * @property {number|null} epoch
 * @property {number|null} step                             global step of the epoch
 * @property {Row[]} rows                                   that are shown, in order
 * @property {number} total                                 of all rows
 * @property {string[]} classNames
 * @property {{row: Row, series: object, member: Member}|null} cursor
 * @property {{member: Member, epoch: number, same: boolean}|null} other  what the cursor is compared with
 * @property {Paint} paint
 */

import { coloursOf } from "./colormaps.js";
import { comparedWith, createCompare } from "./compare.js";
import { createCurves } from "./curves.js";
import { element, segmented, setText } from "./dom.js";
import { arrange } from "./filters.js";
import { createHelp, listenToKeys } from "./keys.js";
import { createLarge } from "./large.js";
import { Library } from "./library.js";
import { allEpochs, choices, chosenMethods, chosenRuns, chosenSeries, currentEpoch, makeRows } from "./model.js";
import { createNotices } from "./notices.js";
import { pictureOfFigures, pictureOfStrip, save } from "./picture.js";
import { createSlider } from "./slider.js";
import { change, clearFilters, parse, serialise } from "./state.js";
import { createStrip } from "./strip.js";
import { STYLES } from "./styles.js";
import { createLooks, createToolbar } from "./toolbar.js";

const POLL = 15_000; // milliseconds; a run may still be being written
const WRITE = 250; // milliseconds; browsers refuse to change the address more often

/**
 * @param {HTMLElement} body
 * @param {Data} data
 * @param {Host} host
 */
export function startApp(body, data, host) {
  let state = parse(host.readView());
  let scene = null;
  let due = false;
  let writing = null;
  let reveal = true;

  const library = new Library(data, () => draw());
  const act = makeActs();
  const help = createHelp();
  const page = createPage(act, help);
  body.ownerDocument.head.append(element("style", { text: STYLES }));
  body.replaceChildren(page.node);

  host.onDark((dark) => {
    page.node.dataset.theme = dark ? "dark" : "light";
  });
  host.onNavigate(() => set(parse(host.readView())));
  host.onReload(() => library.refresh());
  if (data.live) setInterval(() => document.hidden || library.refresh(), POLL);
  listenToKeys(document, act);
  draw();
  library.refresh();

  /** Take over a change, and draw before the next frame. */
  function set(changes) {
    state = change(state, changes);
    clearTimeout(writing);
    writing = setTimeout(() => host.writeView(serialise(state)), WRITE);
    draw();
  }

  function draw() {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      const before = scene;
      scene = compose(state, library, before);
      library.need(scene.series);
      page.update(scene, library);
      if (reveal && scene.rows.length > 0) {
        reveal = false;
        page.strip.reveal();
      }
      if (before && before.state.page !== state.page) page.focus(state.page);
    });
  }

  function makeActs() {
    const setAndReveal = (changes) => {
      reveal = true;
      set(changes);
    };
    return {
      set,
      toggle: (name) => set({ [name]: !state[name] }),
      setEpoch: (epoch) => setAndReveal({ epoch: epoch === scene.epochs.at(-1) ? null : epoch }),
      moveEpoch(by) {
        const { epochs, epoch } = scene;
        const place = Math.min(Math.max(epochs.indexOf(epoch) + by, 0), epochs.length - 1);
        if (epochs.length > 0) this.setEpoch(epochs[place]);
      },
      moveRow(by) {
        const lines = scene.rows.flatMap((row) => row.members.filter(Boolean).map((member) => ({ row, member })));
        if (lines.length === 0) return;
        const { cursor } = scene;
        const place = lines.findIndex((one) => one.row.key === cursor.row.key && one.member === cursor.member);
        const { row, member } = lines[Math.min(Math.max(place + by, 0), lines.length - 1)];
        setAndReveal({ row: row.key, series: member.series.key });
      },
      open: (name) => (name === "strip" || scene.cursor) && set(name === "strip" ? { page: name } : pinned(name)),
      clearFilters: () => set(clearFilters(state)),
      help: () => help.open(),
      retry: () => library.retry(),
      wish: (sights) => library.wish(sights),
      maps: (member, epoch) => library.mapsOf(member, epoch),
      mapsVersion: (member, epochs) => library.mapsVersion(member, epochs),
      image: (member) => library.imageOf(member),
      trouble: (member, epochs) => library.troubleOf(member, epochs),
      copyLink,
      savePicture,
    };
  }

  /** A page of one image, which stays the same when the filters would move it. */
  function pinned(name) {
    return { page: name, row: scene.cursor.row.key, series: scene.cursor.series.key };
  }

  async function copyLink() {
    const pinnedDown = { ...state, epoch: scene.epoch, runs: scene.runs, methods: scene.methods };
    const link = host.link(serialise(pinnedDown));
    try {
      await navigator.clipboard.writeText(link);
      return "Copied.";
    } catch {
      return link; // browsers allow copying on secure pages alone
    }
  }

  async function savePicture() {
    try {
      await save(page.picture(scene), `camaug-${scene.state.page}-epoch-${scene.epoch}.png`);
      return "Saved.";
    } catch (error) {
      return error.message;
    }
  }
}

/** @returns {Scene} */
function compose(state, library, before) {
  const list = library.series ?? [];
  const [runs, methods] = list.length === 0 ? [[], []] : [chosenRuns(list, state), chosenMethods(list, state)];
  const series = list.length === 0 ? [] : chosenSeries(list, state);
  const answered = series.map((one) => library.answers.get(one.key) ?? null);
  const there = answered.filter(Boolean);
  const epochs = allEpochs(there);
  const epoch = currentEpoch(epochs, state);
  const known = before?.known?.every((one, i) => one === answered[i]) && before.known.length === answered.length;
  const everyRow = known && sameKeys(before.series, series) ? before.everyRow : makeRows(series, library.answers);
  const rows = epoch === null ? [] : arrange(everyRow, state, epoch);
  const cursor = findCursor(state, series, everyRow, rows);
  return {
    state,
    all: choices(list),
    runs,
    methods,
    series,
    answers: library.answers,
    known: answered,
    epochs,
    epoch,
    step: stepOf(there, epoch),
    everyRow,
    rows,
    total: everyRow.length,
    classNames: [...new Set(everyRow.map((row) => row.className))].sort(),
    cursor,
    other: cursor && comparedWith(cursor, epoch, state),
    paint: {
      colours: coloursOf(state.colours),
      opacity: state.show === "map" ? 1 : state.opacity,
      threshold: state.threshold,
    },
  };
}

function sameKeys(some, others) {
  return some.length === others.length && some.every((one, i) => one.key === others[i].key && one.name === others[i].name);
}

function stepOf(answers, epoch) {
  const answer = answers.find((one) => one.epochs.includes(epoch));
  return answer?.steps?.[answer.epochs.indexOf(epoch)] ?? null;
}

/** Where the cursor is: a page of one image keeps its image, even where the filters leave it out. */
function findCursor(state, series, everyRow, rows) {
  const from = state.page === "strip" ? rows : everyRow;
  const row = from.find((one) => one.key === state.row) ?? rows[0] ?? (state.page === "strip" ? undefined : everyRow[0]);
  if (row === undefined) return null;
  const members = row.members.filter(Boolean);
  const member = members.find((one) => one.series.key === state.series) ?? members[0];
  return { row, member, series: series.find((one) => one.key === member.series.key) };
}

/** The parts of the page, and how a scene reaches them. */
function createPage(act, help) {
  const toolbar = createToolbar(act);
  const slider = createSlider(act);
  const looks = createLooks(act);
  const strip = createStrip(act);
  const large = createLarge(act);
  const compare = createCompare(act);
  const curves = createCurves(act);
  const notices = createNotices(act);
  const tabs = segmented("View of the image", [["large", "Look"], ["compare", "Compare"]], (name) => act.open(name));
  const back = element("button", { type: "button", class: "back", text: "‹ All images", on: { click: () => act.open("strip") } });
  const title = element("h2", { tabindex: -1 });
  const move = (text, label, by) =>
    element("button", { type: "button", text, "aria-label": label, title: label, on: { click: () => act.moveRow(by) } });
  const heading = element(
    "div",
    { class: "heading" },
    back,
    title,
    move("↑", "Image above", -1),
    move("↓", "Image below", 1),
    element("span", { class: "space" }),
    tabs.node,
  );
  const one = element("section", { class: "one", "aria-label": "One image" }, heading, large.node, compare.node);
  const banner = element("div", { class: "banner", role: "alert", hidden: true });
  const time = element("div", { class: "time" }, slider.node, looks.node);
  const main = element("main", {}, notices.node, strip.node, one, curves.node);
  const node = element("div", { class: "camaug" }, toolbar.node, time, banner, main, help.node);

  return {
    node,
    strip,
    update(scene, library) {
      const { page } = scene.state;
      const notice = noticeOf(scene, library);
      node.dataset.page = page;
      for (const part of [toolbar.node, time]) part.hidden = scene.series.length === 0;
      strip.node.hidden = page !== "strip" || notice !== null;
      one.hidden = page === "strip" || notice !== null;
      notices.update(notice);
      tell(banner, scene, library, notice);
      toolbar.update(scene);
      slider.update(scene);
      looks.update(scene);
      curves.update(scene);
      if (!strip.node.hidden) strip.update(scene);
      if (one.hidden || scene.cursor === null) return;
      act.wish(sightsOf(scene));
      const several = scene.series.length > 1 ? ` · ${scene.cursor.series.name}` : "";
      setText(title, `${scene.cursor.row.className}, image ${scene.cursor.row.id}${page === "large" ? several : ""}`);
      tabs.update(page);
      large.node.hidden = page !== "large";
      compare.node.hidden = page !== "compare";
      if (page === "large") large.update(scene);
      else compare.update(scene);
    },
    focus: (page) => (page === "strip" ? strip.focus() : title.focus({ preventScroll: true })),
    picture(scene) {
      const { page } = scene.state;
      if (page === "strip") return pictureOfStrip(scene, strip, node);
      return pictureOfFigures(scene, (page === "large" ? large : compare).figures(), node);
    },
  };
}

/** What a page of one image shows; then the other epochs, which the slider may ask for at any moment. */
function sightsOf({ cursor, other, epoch }) {
  const shown = [{ member: cursor.member, epochs: [epoch] }];
  if (other.member) shown.push({ member: other.member, epochs: [other.epoch] });
  return [...shown, ...shown.map(({ member }) => ({ member, epochs: member.epochs }))];
}

/** What is said in place of images, or null where there are some. */
function noticeOf({ series, rows, state, total }, library) {
  if (library.series === null) return library.problem ? { kind: "trouble", message: library.problem } : { kind: "loading" };
  if (library.series.length === 0) return { kind: "nothing" };
  const failed = series.map((one) => library.problems.get(one.key)).find(Boolean);
  if (total === 0) return failed ? { kind: "trouble", message: failed } : { kind: "loading" };
  return rows.length === 0 && state.page === "strip" ? { kind: "unmatched" } : null;
}

/** Say above the images what could not be read beside them. */
function tell(banner, { series }, library, notice) {
  const failed = series.map((one) => library.problems.get(one.key)).find(Boolean);
  const problem = notice === null ? (library.problem ?? failed ?? "") : "";
  banner.hidden = problem === "";
  setText(banner, problem === "" ? "" : `${problem} What is shown may be old; it is tried again by itself.`);
}
