/** The page of warnings: what is wrong with a snapshot, the images that show it, and what to try. */

import { element, setText } from "./dom.js";
import { probeImage } from "./explained_images.js";
import { count } from "./format.js";
import { createMistakeCards } from "./mistake_cards.js";
import { snapshotName } from "./snapshot_axis.js";

export function createWarningsView(actions) {
  const title = element("h2", { text: "Warnings", tabindex: -1 });
  const summary = element("p", { class: "secondary", role: "status" });
  const list = element("div", { class: "warning-list" });
  const node = element("section", { class: "mistakes-view warnings-view", "aria-label": "Warnings" }, title, summary, list);
  const articles = new Map(); // by the warning's key
  return {
    node,
    update(viewModel) {
      const { warnings } = viewModel;
      setText(summary, summarise(viewModel));
      const wanted = new Set(warnings.map(({ key }) => key));
      for (const [key, article] of articles) {
        if (wanted.has(key)) continue;
        article.node.remove();
        articles.delete(key);
      }
      warnings.forEach((warning, i) => {
        if (!articles.has(warning.key)) articles.set(warning.key, createArticle(actions));
        const article = articles.get(warning.key);
        if (list.children[i] !== article.node) list.insertBefore(article.node, list.children[i] ?? null);
        article.update(viewModel, warning);
      });
    },
    focus(cardKey) {
      const isFocused = [...articles.values()].some((article) => article.focus(cardKey));
      if (!isFocused) title.focus({ preventScroll: true });
    },
    visibleCards: () => [...articles.values()].flatMap((article) => article.visibleCards()),
  };
}

function summarise({ warnings, axis, snapshot }) {
  const name = snapshot ? snapshotName(axis, snapshot) : "";
  if (warnings.length > 0) return `${name}: ${count(warnings.length, "warning")}`;
  return (
    `${name}: no warning. Reasons for one are attention to the same position in all images, to the border, or beside the ` +
    "objects, the same prediction for every image, and heatmaps that are empty, the same for every class, or unchanged " +
    "by random weights. No warning is no proof that the model uses the objects: look at its mistakes, too."
  );
}

function createArticle(actions) {
  const symbol = element("span", { class: "badge warning", text: "▲", "aria-hidden": "true" });
  const title = element("span");
  const heading = element("h3", { class: "warning-title" }, symbol, title);
  const measured = element("p");
  const remedy = element("p");
  const history = element("p", { class: "secondary" });
  const cards = createMistakeCards(actions, (image) => image.open());
  const node = element("article", { class: "warning" }, heading, measured, remedy, history, cards.node);
  return {
    node,
    visibleCards: () => cards.visibleCards(),
    focus: (cardKey) => cards.focus(cardKey),
    update(viewModel, warning) {
      const name = viewModel.series.length > 1 ? `${warning.title}: ${warning.series.name}` : warning.title;
      setText(title, name);
      setText(measured, warning.measured);
      setText(remedy, warning.remedy);
      setText(history, describeHistory(warning.since));
      const images = warning.images.map(({ row, history: one, snapshot }) =>
        probeImage(row, one, snapshot, one.predictionOf(snapshot), actions));
      cards.update(viewModel, images);
    },
  };
}

function describeHistory(since) {
  if (since === 1) return "New in this snapshot.";
  return since === 2 ? "In this snapshot and the one before." : `In this snapshot and the ${since - 1} before.`;
}
