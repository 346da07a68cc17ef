/** The page of mistakes: validation images that the model gets wrong, or nearly, filtered and sorted. */

import { dropdown, element, labelled, setOptions, setText } from "./dom.js";
import { count, percent } from "./format.js";
import { createMistakeCards } from "./mistake_cards.js";
import { MISTAKE_LISTS, MISTAKE_SORT_KEYS, listPairs, namePair } from "./mistakes.js";
import { mistakesSnapshotName } from "./snapshot_mistakes.js";

export function createMistakesView(actions) {
  const lists = element("div", { class: "mistake-lists", role: "group", "aria-label": "Which images" });
  const pair = dropdown([], (mistakePair) => actions.setState({ mistakePair }), { "aria-label": "Label and prediction" });
  const sort = dropdown(namesOf(MISTAKE_SORT_KEYS), (mistakeSort) => actions.setState({ mistakeSort }));
  const query = element("input", {
    type: "search", placeholder: "Class name", "aria-label": "Class of the mistakes", size: 12,
    on: { input: () => actions.setState({ mistakeQuery: query.value }) },
  });
  const summary = element("p", { class: "secondary", role: "status" });
  const explanation = element("p", { class: "secondary" });
  const empty = element("p", { class: "empty" });
  const clear = element("button", {
    type: "button", class: "primary clear-filters", text: "Clear filters", on: { click: actions.clearMistakeFilters },
  });
  const cards = createMistakeCards(actions, (mistake) => actions.setState({ page: "mistake", mistake: mistake.key }));
  const filters = element("div", { class: "mistake-filters" }, pair, query, labelled("Order", sort));
  const title = element("h2", { text: "Mistakes", tabindex: -1 });
  const node = element(
    "section",
    { class: "mistakes-view", "aria-label": "Mistakes" },
    title, summary, lists, filters, explanation, cards.node, empty, clear,
  );
  const buttons = new Map(Object.entries(MISTAKE_LISTS).map(([key, { name }]) => [key, createListButton(key, name, actions)]));
  lists.append(...[...buttons.values()].map((button) => button.node));

  return {
    node,
    update(viewModel) {
      const { mistakes, state } = viewModel;
      const all = mistakes?.images ?? [];
      setText(summary, summarise(viewModel));
      for (const [key, button] of buttons) {
        button.update(all.filter(MISTAKE_LISTS[key].matches).length, state.mistakeList === key);
      }
      const pairs = listPairs(all).map(({ key, name, count: number }) => [key, `${name} (${number})`]);
      const isListed = state.mistakePair === "" || pairs.some(([key]) => key === state.mistakePair);
      const other = isListed ? [] : [[state.mistakePair, namePair(state.mistakePair, mistakes?.classes)]];
      setOptions(pair, [["", "All labels and predictions"], ...pairs, ...other]);
      pair.value = state.mistakePair;
      sort.value = state.mistakeSort;
      if (query.value !== state.mistakeQuery) query.value = state.mistakeQuery;
      for (const part of [lists, filters, explanation]) part.hidden = all.length === 0;
      setText(explanation, MISTAKE_LISTS[state.mistakeList].explanation);
      const shown = viewModel.shownMistakes;
      cards.update(viewModel, shown);
      empty.hidden = shown.length > 0;
      clear.hidden = shown.length > 0 || all.length === 0;
      setText(empty, emptyText(viewModel));
    },
    focus: (cardKey) => cards.focus(cardKey) || title.focus({ preventScroll: true }),
    visibleCards: () => cards.visibleCards(),
  };
}

function namesOf(entries) {
  return Object.entries(entries).map(([key, { name }]) => [key, name]);
}

function createListButton(key, name, actions) {
  const number = element("span", { class: "number" });
  const node = element(
    "button",
    { type: "button", "data-list": key, on: { click: () => actions.setState({ mistakeList: key }) } },
    element("span", { text: name }),
    number,
  );
  return {
    node,
    update(found, isPressed) {
      setText(number, String(found));
      node.setAttribute("aria-pressed", String(isPressed));
      node.disabled = found === 0 && !isPressed && key !== "all";
    },
  };
}

/** Say how many validation images there were, and how many are wrong: `500 validation images, 42 wrong (8 %)`. */
function summarise({ mistakes, axis }) {
  if (!mistakes?.record) return "";
  const { count: images, wrong, forgotten } = mistakes.record;
  const parts = [count(images, "validation image"), `${wrong.toLocaleString("en")} wrong (${percent(wrong / images)})`];
  if (forgotten !== null) parts.push(`${forgotten.toLocaleString("en")} of them correct in the validation before`);
  parts.push(`${count(mistakes.images.length, "image")} explained`);
  return `${mistakesSnapshotName(axis, mistakes)}: ${parts.join(", ")}`;
}

function emptyText({ mistakes }) {
  if (!mistakes) return "This run has no mistakes logged: CamLogger(mistakes=16) logs them with each validation.";
  if (mistakes.error) return mistakes.error;
  return mistakes.record ? "No image matches these choices." : "Loading …";
}
