/** What is shown, and how: runs, methods, colours; what to find; what to take away. */

import { COLOURS, gradient } from "./colormaps.js";
import { choice, element, labelled, segmented, setAttribute, setOptions, setText } from "./dom.js";
import { SORTS, VERDICTS } from "./filters.js";
import { methodName } from "./model.js";
import { isFiltered } from "./state.js";
import { count } from "./words.js";

/** What is shown: runs, methods, images; and what can be taken away. */
export function createToolbar(act) {
  const runs = createMenu("Runs", (chosen) => act.set({ runs: chosen }), (key) => key);
  const methods = createMenu("Methods", (chosen) => act.set({ methods: chosen }), methodName);
  const finder = createFinder(act);
  const take = createTakeAway(act);
  const help = element("button", {
    type: "button", class: "round", text: "?", "aria-label": "Keys", title: "Keys (?)", on: { click: act.help },
  });
  const aside = element("span", { class: "field" }, take, help);
  const parts = [runs.node, methods.node, finder.node, element("span", { class: "space" }), aside];
  return {
    node: element("div", { class: "toolbar", role: "toolbar", "aria-label": "What is shown" }, ...parts),
    update(scene) {
      runs.update(scene.all.runs, scene.runs);
      methods.update(scene.all.methods, scene.methods);
      finder.update(scene);
    },
  };
}

/** How the heat is shown. */
export function createLooks(act) {
  const sides = [["predicted", "Predicted"], ["true", "True"]];
  const side = segmented("Heatmap of which class", sides, (value) => act.set({ side: value }));
  const show = segmented("Show", [["overlay", "Overlay"], ["map", "Map"]], (value) => act.set({ show: value }));
  const names = Object.keys(COLOURS).map((name) => [name, name]);
  const colours = choice(names, (value) => act.set({ colours: value }), { "aria-label": "Colours" });
  const ramp = element("span", { class: "ramp", "aria-hidden": "true" });
  const opacity = createShare("Opacity", (value) => act.set({ opacity: value }));
  const threshold = createShare("Threshold", (value) => act.set({ threshold: value }));
  const node = element(
    "div",
    { class: "looks", role: "toolbar", "aria-label": "How the heat is shown" },
    element("span", { class: "field" }, element("span", { class: "name", text: "Class" }), side.node),
    show.node,
    element("span", { class: "field" }, colours, ramp),
    opacity.node,
    threshold.node,
  );
  return {
    node,
    update({ state }) {
      side.update(state.side);
      show.update(state.show);
      colours.value = state.colours;
      ramp.style.background = gradient(COLOURS[state.colours]);
      opacity.update(state.opacity);
      threshold.update(state.threshold);
    },
  };
}

/** Which images, and in which order. */
function createFinder(act) {
  const text = element("input", {
    type: "search", placeholder: "Class name", "aria-label": "Find by class name", size: 9,
    on: { input: () => act.set({ text: text.value }) },
  });
  const classes = choice([], (className) => act.set({ className }), { "aria-label": "Class" });
  const verdicts = Object.entries(VERDICTS).map(([key, { name }]) => [key, name]);
  const verdict = choice(verdicts, (value) => act.set({ verdict: value }), {
    "aria-label": "Right or wrong",
    title: "Became wrong: right in an epoch before, and wrong in this one",
  });
  const flagged = element("input", { type: "checkbox", on: { change: () => act.set({ flagged: flagged.checked }) } });
  const sorts = Object.entries(SORTS).map(([key, { name }]) => [key, name]);
  const sort = choice(sorts, (value) => act.set({ sort: value }));
  const direction = element("button", { type: "button", on: { click: () => act.toggle("descending") } });
  const found = element("output", { class: "found", "aria-live": "polite" });
  const clear = element("button", { type: "button", class: "link", text: "Show all", on: { click: act.clearFilters } });
  const node = element(
    "div",
    { class: "finder", role: "search" },
    text,
    classes,
    verdict,
    element("label", { class: "field", title: "Heatmaps that are not to be trusted" }, flagged, element("span", { text: "Flagged" })),
    labelled("Sort by", sort),
    direction,
    found,
    clear,
  );
  return {
    node,
    update({ state, rows, total, classNames }) {
      if (text.value !== state.text) text.value = state.text;
      const known = state.className === "" || classNames.includes(state.className);
      const names = known ? classNames : [...classNames, state.className];
      setOptions(classes, [["", "All classes"], ...names.map((name) => [name, name])]);
      classes.value = state.className;
      verdict.value = state.verdict;
      flagged.checked = state.flagged;
      sort.value = state.sort;
      setText(direction, state.descending ? "↓" : "↑");
      const label = state.descending ? "Descending; sort ascending" : "Ascending; sort descending";
      setAttribute(direction, "aria-label", label);
      setAttribute(direction, "title", label);
      setText(found, rows.length === total ? count(total, "image") : `${rows.length} of ${count(total, "image")}`);
      clear.hidden = !isFiltered(state);
    },
  };
}

/** A list of which some are chosen, behind a button. */
function createMenu(name, onChange, nameOf) {
  const summary = element("summary", {});
  const list = element("div", { class: "sheet", role: "group", "aria-label": name });
  const node = element("details", { class: "menu" }, summary, list);
  closeOutside(node);
  let existing = "";
  list.addEventListener("change", () => {
    const boxes = [...list.querySelectorAll("input")];
    const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
    if (chosen.length > 0) onChange(chosen);
    else boxes.find((box) => box === document.activeElement).checked = true; // one at least
  });
  return {
    node,
    update(options, chosen) {
      const said = chosen.length === 1 ? nameOf(chosen[0]) : `${chosen.length} of ${options.length}`;
      setText(summary, `${name}: ${said}`);
      if (existing !== options.join("\n")) {
        existing = options.join("\n");
        list.replaceChildren(...options.map((value) => option(value, nameOf(value))));
      }
      for (const box of list.querySelectorAll("input")) box.checked = chosen.includes(box.value);
    },
  };
}

function option(value, text) {
  return element("label", {}, element("input", { type: "checkbox", value }), element("span", { text }));
}

/** A share from 0 to 1 that can be pulled. */
function createShare(name, onChange) {
  const range = element("input", { type: "range", min: 0, max: 1, step: 0.01 });
  const said = element("output", { class: "number" });
  range.addEventListener("input", () => onChange(Number(range.value)));
  return {
    node: labelled(name, element("span", { class: "pull" }, range, said)),
    update(value) {
      range.value = value;
      setText(said, value.toFixed(2));
    },
  };
}

function createTakeAway(act) {
  const said = element("p", { class: "quiet", role: "status" });
  const say = (text) => setText(said, text);
  const button = (text, click) => element("button", { type: "button", text, on: { click } });
  const sheet = element(
    "div",
    { class: "sheet right" },
    button("Copy a link to this view", async () => say(await act.copyLink())),
    button("Save this view as a picture", async () => say(await act.savePicture())),
    said,
    element("p", { class: "quiet", text: "A whole run as one HTML file that opens without TensorBoard:" }),
    element("code", { text: "camaug report RUN" }),
  );
  const node = element("details", { class: "menu" }, element("summary", { text: "Take away" }), sheet);
  node.addEventListener("toggle", () => node.open || say(""));
  closeOutside(node);
  return node;
}

/** Close what is open when a person turns to something else. */
function closeOutside(details) {
  document.addEventListener("pointerdown", (event) => {
    if (details.open && !details.contains(event.target)) details.open = false;
  });
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    details.open = false;
    details.querySelector("summary").focus();
    event.stopPropagation();
  });
}
