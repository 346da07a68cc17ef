/** Layout of the page: toolbars, messages, film strip, view of one image and metric charts. */

import { createCompareView } from "./compare_view.js";
import { createDetailView } from "./detail_view.js";
import { createDisplayOptions } from "./display_options.js";
import { element, iconButton, segmentedButtons, setAttribute, setText } from "./dom.js";
import { cardsImage, panelsImage, stripImage } from "./export_image.js";
import { createFilmStrip } from "./film_strip.js";
import { createClassesView } from "./classes_view.js";
import { createMetricCharts } from "./metric_charts.js";
import { createMissingRuns } from "./missing_runs.js";
import { createMistakeView } from "./mistake_view.js";
import { createMistakesView } from "./mistakes_view.js";
import { createNotices } from "./notices.js";
import { createSnapshotSlider } from "./snapshot_slider.js";
import { createToolbar } from "./toolbar.js";
import { LIST_PAGES, listPageOf } from "./view_state.js";
import { createWarningsView } from "./warnings_view.js";

export function createPage(actions, helpDialogNode) {
  const toolbar = createToolbar(actions);
  const snapshotSlider = createSnapshotSlider(actions);
  const displayOptions = createDisplayOptions(actions);
  const notices = createNotices(actions);
  const filmStrip = createFilmStrip(actions);
  const imageView = createImageView(actions);
  const reviews = {
    mistakes: createMistakesView(actions),
    mistake: createMistakeView(actions),
    classes: createClassesView(actions),
    warnings: createWarningsView(actions),
  };
  const metricCharts = createMetricCharts(actions);
  const missingRuns = createMissingRuns();
  const banner = element("div", { class: "banner", role: "alert", hidden: true });
  const controls = element("div", { class: "controls" }, snapshotSlider.node, displayOptions.node);
  const main = element("main", {}, notices.node, filmStrip.node, imageView.node);
  main.append(...Object.values(reviews).map((review) => review.node), metricCharts.node);
  const node = element("div", { class: "camaug" }, toolbar.node, controls, banner, main, helpDialogNode);

  return {
    node,
    revealCursor: filmStrip.revealCursor,
    update(viewModel, cache) {
      const { page } = viewModel.state;
      const notice = chooseNotice(viewModel, cache);
      node.dataset.page = page;
      for (const part of [toolbar.node, controls]) part.hidden = viewModel.series.length === 0;
      filmStrip.node.hidden = page !== "strip" || notice !== null;
      imageView.node.hidden = !["details", "compare"].includes(page) || notice !== null;
      for (const [name, review] of Object.entries(reviews)) review.node.hidden = name !== page || notice !== null;
      notices.update(notice);
      updateBanner(banner, notice === null ? findError(viewModel, cache) : null, missingRuns(viewModel));
      for (const part of [toolbar, snapshotSlider, displayOptions, metricCharts]) part.update(viewModel);
      if (!filmStrip.node.hidden) filmStrip.update(viewModel);
      if (!imageView.node.hidden && viewModel.cursor) imageView.update(viewModel);
      if (reviews[page] && notice === null) reviews[page].update(viewModel);
    },
    /** Focus a page, and in a list of cards the card of a key. */
    focus: (page, cardKey) => (page === "strip" ? filmStrip : (reviews[page] ?? imageView)).focus(cardKey),
    exportImage: (viewModel) =>
      exportImage(viewModel, { filmStrip, imageView, reviews }, node),
  };
}

function exportImage(viewModel, { filmStrip, imageView, reviews }, node) {
  const { page } = viewModel.state;
  if (page === "strip") return stripImage(viewModel, filmStrip, node);
  if (reviews[page]?.visibleCards) return cardsImage(viewModel, reviews[page].visibleCards(), node);
  return panelsImage(viewModel, (reviews[page] ?? imageView).visiblePanels(), node);
}

/** The details of one image, or the comparison of two of its heatmaps, below a common heading. */
function createImageView(actions) {
  const detailView = createDetailView(actions);
  const compareView = createCompareView(actions);
  const pages = { details: detailView, compare: compareView };
  const tabNames = [["details", "Details"], ["compare", "Compare"]];
  const tabs = segmentedButtons("View of the image", tabNames, actions.openPage);
  const title = element("h2", { tabindex: -1 });
  const back = element("button", { type: "button", on: { click: actions.goBack } });
  const heading = element(
    "div",
    { class: "heading" },
    back,
    title,
    iconButton("↑", "Previous image", () => actions.moveRow(-1)),
    iconButton("↓", "Next image", () => actions.moveRow(1)),
    element("span", { class: "spacer" }),
    tabs.node,
  );
  const views = [detailView.node, compareView.node];
  const node = element("section", { class: "image-view", "aria-label": "Image" }, heading, ...views);
  let page = "details";
  return {
    node,
    update(viewModel) {
      ({ page } = viewModel.state);
      actions.loadVisible(visibleOnImageView(viewModel));
      const { row, series } = viewModel.cursor;
      const seriesName = page === "details" && viewModel.series.length > 1 ? ` · ${series.name}` : "";
      setText(back, backText(viewModel.state));
      setText(title, `${row.className}, image ${row.id}${seriesName}`);
      setAttribute(title, "title", title.textContent);
      tabs.update(page);
      for (const [name, view] of Object.entries(pages)) view.node.hidden = name !== page;
      pages[page].update(viewModel);
    },
    focus: () => title.focus({ preventScroll: true }),
    visiblePanels: () => pages[page].visiblePanels(),
  };
}

function backText(state) {
  const name = listPageOf(state);
  return name === "strip" ? "‹ All images" : `‹ ${LIST_PAGES[name]}`;
}

/** Return what to load: first what is shown, then the other snapshots, to which the slider may move next. */
function visibleOnImageView({ cursor, comparison }) {
  const shown = [cursor, comparison].map(({ history, snapshot }) => ({ history, snapshots: [snapshot].filter(Boolean) }));
  return [...shown, ...shown.map(({ history }) => ({ history, snapshots: history.snapshots }))];
}

/** Return the notice to show instead of images, or null if there are images. */
function chooseNotice(viewModel, cache) {
  const error = findError(viewModel, cache);
  if (cache.series?.length === 0) return { kind: "noData" };
  if (viewModel.allRows.length === 0) return error ? { kind: "error", message: error } : { kind: "loading" };
  return viewModel.rows.length === 0 && viewModel.state.page === "strip" ? { kind: "noMatch" } : null;
}

function findError({ series }, cache) {
  return cache.runsError ?? series.map(({ key }) => cache.snapshotErrors.get(key)).find(Boolean) ?? null;
}

/** Report above the images that newer data could not be loaded, or that runs have been deleted. */
function updateBanner(banner, error, missingRuns) {
  const texts = [
    error === null ? "" : `${error} Showing the last data loaded; retrying automatically.`,
    missingRuns.length === 0 ? "" : `No longer in the log directory, or without heatmaps: ${missingRuns.join(", ")}.`,
  ].filter(Boolean);
  banner.hidden = texts.length === 0;
  setText(banner, texts.join(" "));
}
