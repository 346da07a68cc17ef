/** Main loop: user actions change the view state, responses fill the data cache, and both redraw the page. */

import { copyText } from "./clipboard.js";
import { DataCache } from "./data_cache.js";
import { element } from "./dom.js";
import { encodePng, saveFile } from "./export_image.js";
import { listClassesOfImage, shownClass } from "./heatmap_class.js";
import { createHelpDialog } from "./help_dialog.js";
import { listenToKeys } from "./keyboard.js";
import { createPage } from "./page.js";
import { REVIEW_STYLES } from "./review_styles.js";
import { positionName, storedSnapshot } from "./snapshot_axis.js";
import { STYLES } from "./styles.js";
import { createViewModel } from "./view_model.js";
import { LIST_PAGES, clearFilters, clearMistakeFilters, listPageOf, parseViewState, serialiseViewState } from "./view_state.js";

const POLL_INTERVAL = 15_000; // milliseconds; a run may still be in training
const REVIEW_PAGES = ["mistakes", "mistake", "classes", "warnings"];
const URL_DELAY = 250; // milliseconds; browsers limit how often a page may change its address

/**
 * Start the app in a document's body.
 *
 * @param {HTMLElement} body
 * @param {DataSource} dataSource
 * @param {HostPage} hostPage
 */
export function startApp(body, dataSource, hostPage) {
  let state = parseViewState(hostPage.readView());
  let viewModel = null;
  let isDrawScheduled = false;
  let isCursorHidden = true; // the film strip scrolls to the cursor at the next drawing
  let urlTimer = null;

  const cache = new DataCache(dataSource, scheduleDraw);
  const helpDialog = createHelpDialog();
  const actions = createActions();
  const page = createPage(actions, helpDialog.node);
  body.ownerDocument.head.append(element("style", { text: STYLES + REVIEW_STYLES }));
  body.replaceChildren(page.node);

  hostPage.onDarkModeChange((isDark) => {
    page.node.dataset.theme = isDark ? "dark" : "light";
  });
  hostPage.onNavigate(() => setState(parseViewState(hostPage.readView())));
  hostPage.onReload(() => cache.refresh());
  if (dataSource.isLive) setInterval(() => document.hidden || cache.refresh(), POLL_INTERVAL);
  listenToKeys(document, actions);
  scheduleDraw();
  cache.refresh();

  function setState(changes) {
    const isOpened = changes.page && !isListPage(changes.page) && isListPage(state.page);
    state = { ...state, ...(isOpened ? { origin: state.page } : {}), ...changes };
    clearTimeout(urlTimer);
    urlTimer = setTimeout(() => hostPage.writeView(serialiseViewState(state)), URL_DELAY);
    scheduleDraw();
  }

  function setStateAndReveal(changes) {
    isCursorHidden = true;
    setState(changes);
  }

  function scheduleDraw() {
    if (isDrawScheduled) return;
    isDrawScheduled = true;
    requestAnimationFrame(() => {
      isDrawScheduled = false;
      draw();
    });
  }

  function draw() {
    const previous = viewModel;
    viewModel = createViewModel(state, cache, previous);
    cache.loadSnapshots(viewModel.series);
    if (state.page === "warnings") cache.loadVisible(viewModel.warnings.flatMap(visibleOfWarning));
    else if (viewModel.mistakes && REVIEW_PAGES.includes(state.page)) loadMistakes(viewModel);
    page.update(viewModel, cache);
    if (isCursorHidden && viewModel.rows.length > 0) {
      isCursorHidden = false;
      page.revealCursor();
    }
    if (previous && previous.state.page !== state.page) page.focus(state.page, openedCard(previous.state));
  }

  /** Load what a page of mistakes shows. */
  function loadMistakes({ mistakes, allRows }) {
    cache.loadMistakes(mistakes.series, mistakes.step);
    const histories = allRows.map((row) => row.histories.find((one) => one?.series.key === mistakes.series.key));
    const probes = state.page === "classes" ? histories.filter(Boolean) : [];
    const snapshotsOf = (history) => history.snapshots.filter(({ step }) => step === mistakes.step);
    const visible = probes.map((history) => ({ history, snapshots: snapshotsOf(history) }));
    cache.loadVisible(visible, mistakes.images.map(({ original }) => ({ series: mistakes.series, original })));
  }

  /** Return the view model of the current state, which may have changed since the last drawing. */
  function currentViewModel() {
    return viewModel?.state === state ? viewModel : createViewModel(state, cache, viewModel);
  }

  function createActions() {
    return {
      setState,
      setPosition,
      movePosition,
      moveRow,
      moveClass,
      openPage,
      goBack,
      clearFilters: () => setState(clearFilters(state)),
      showAsMistakes: () => setState({ ...clearMistakeFilters(state), page: "mistakes", mistakePair: state.matrixCell }),
      clearMistakeFilters: () => setState(clearMistakeFilters(state)),
      openHelp: () => helpDialog.open(),
      retry: () => cache.retry(),
      loadVisible: (visible) => cache.loadVisible(visible),
      maps: (history, snapshot) => cache.maps(history, snapshot),
      mapsVersion: (history, snapshots) => cache.mapsVersion(history, snapshots),
      image: (history) => cache.image(history),
      mistakeImage: (mistakes, { original }) => cache.mistakeImage(mistakes.series, original),
      loadError: (history, snapshots) => cache.loadError(history, snapshots),
      copyLink,
      saveView,
    };
  }

  /** Show the snapshots at a position. The newest is stored as null, so that the view follows a run in training. */
  function setPosition(position) {
    const { axis } = currentViewModel();
    setStateAndReveal({ snapshot: position === axis.positions.at(-1) ? null : storedSnapshot(axis, position) });
  }

  function movePosition(offset) {
    const { axis, position } = currentViewModel();
    const { positions } = axis;
    if (positions.length > 0) setPosition(positions[clampIndex(positions.indexOf(position) + offset, positions)]);
  }

  /** Go to another image. Return false on a page that lists images below each other, which the key scrolls. */
  function moveRow(offset) {
    if (state.page === "mistake") return moveMistake(offset);
    if (state.page !== "strip" && isListPage(state.page)) return false;
    const { rows, cursor } = currentViewModel();
    const histories = rows.flatMap((row) => row.histories.filter(Boolean).map((history) => ({ row, history })));
    if (histories.length === 0) return true;
    const index = histories.findIndex(({ row, history }) => row.key === cursor.row.key && history === cursor.history);
    const { row, history } = histories[clampIndex(index + offset, histories)];
    setStateAndReveal({ row: row.key, series: history.series.key });
    return true;
  }

  /** Show the heatmaps of another class: of those that any image has, or on a page of one image of its own. */
  function moveClass(offset) {
    const { heatmapClasses, cursor } = currentViewModel();
    if (!cursor || REVIEW_PAGES.includes(state.page)) return;
    const { labels } = cursor.history;
    const prediction = cursor.history.predictionOf(cursor.snapshot);
    const isStrip = state.page === "strip";
    const choices = isStrip ? heatmapClasses.map(([value]) => value) : listClassesOfImage(labels, prediction);
    const classOf = (value) => (isStrip ? value : shownClass(value, labels, prediction));
    const index = choices.findIndex((value) => classOf(value) === classOf(state.heatmapClass));
    if (choices.length === 0) return;
    const next = index < 0 && offset < 0 ? choices.length - 1 : (index + offset + choices.length) % choices.length;
    setState({ heatmapClass: choices[next] });
  }

  function moveMistake(offset) {
    const { shownMistakes, currentMistake } = currentViewModel();
    const index = shownMistakes.findIndex(({ key }) => key === currentMistake?.key);
    const next = shownMistakes[clampIndex(index + offset, shownMistakes)];
    if (next) setState({ mistake: next.key });
    return true;
  }

  /** Open a page. A page of one image stores the image, so that filters cannot replace it. */
  function openPage(name) {
    const { cursor, currentMistake } = currentViewModel();
    if (isListPage(name)) setState({ page: name });
    else if (!REVIEW_PAGES.includes(state.page) && cursor) setState({ page: name, row: cursor.row.key, series: cursor.series.key });
    else if (state.page === "mistakes" && name === "details" && currentMistake) setState({ page: "mistake", mistake: currentMistake.key });
  }

  /** Return to the page that this one was opened from, at last to the film strip. */
  function goBack() {
    openPage(isListPage(state.page) ? "strip" : listPageOf(state));
  }

  async function copyLink() {
    const { axis, position, runs, methods } = currentViewModel();
    const snapshot = position === null ? null : storedSnapshot(axis, position);
    const link = hostPage.link(serialiseViewState({ ...state, snapshot, runs, methods }));
    if (link === null) return { message: "This page has no address that could restore the view." };
    if (await copyText(link)) return { message: "Link copied." };
    return { message: "This page may not use the clipboard. Copy the link from here:", link };
  }

  async function saveView() {
    try {
      const { axis, position } = viewModel;
      const fileName = `camaug-${state.page}-${fileNamePart(positionName(axis, position))}.png`;
      const blob = await encodePng(page.exportImage(viewModel));
      saveFile(blob, fileName);
      if (!hostPage.isEmbedded) return { message: "Saved." };
      const message = "If no file was saved, downloads are blocked here: right-click the image to save it.";
      return { message, image: { blob, fileName } };
    } catch (error) {
      return { message: error.message };
    }
  }
}

const isListPage = (page) => Object.hasOwn(LIST_PAGES, page);

/** Return the key of the card that a page of one image was opened from, or null. */
function openedCard({ page, mistake, row }) {
  if (page === "mistake") return mistake;
  return page === "details" || page === "compare" ? `probe ${row}` : null;
}

/** Return a text as a part of a file name: `epoch-0-1-3` for `epoch 0 (1/3)`. */
function fileNamePart(text) {
  return text.split(/[^\w]+/).filter(Boolean).join("-");
}

function visibleOfWarning({ images }) {
  return images.map(({ history, snapshot }) => ({ history, snapshots: [snapshot] }));
}

function clampIndex(index, list) {
  return Math.min(Math.max(index, 0), list.length - 1);
}
