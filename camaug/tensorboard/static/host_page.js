/**
 * The page around the tab. In TensorBoard the tab is an iframe: the address bar, dark mode and the reload button belong
 * to the parent page. A report is its own page. Either may be in an iframe itself, of a notebook or an editor, whose page
 * is of another origin and not accessible.
 *
 * @typedef {object} HostPage
 * @property {boolean} isEmbedded                     true if TensorBoard, or the report, is in another page
 * @property {function(): string} readView            view state in the address, or ""
 * @property {function(string): void} writeView
 * @property {function(string): string|null} link     address of a view, or null if the page has no address of its own
 * @property {function(function(): void): void} onNavigate  called when the view in the address changes from outside
 * @property {function(function(boolean): void): void} onDarkModeChange  called at once and at each change
 * @property {function(function(): void): void} onReload
 */

const VIEW_KEY = "p.camaug.view="; // TensorBoard preserves hash entries of a plugin NAME that begin with `p.NAME.`
const ADDRESS_SCHEMES = ["http:", "https:", "file:"]; // an `about:srcdoc` or `blob:` page has no address to come back to

/** @returns {HostPage} */
export function connectHostPage(window) {
  const tensorboardWindow = findTensorboardWindow(window);
  const page = tensorboardWindow ?? window;
  const hasAddress = ADDRESS_SCHEMES.includes(page.location.protocol);
  let lastWritten = null;
  const readView = () => {
    const entry = hashEntries(page).find((text) => text.startsWith(VIEW_KEY));
    return entry === undefined ? "" : decodeEntry(entry.slice(VIEW_KEY.length));
  };
  const viewUrl = (view) => {
    const others = hashEntries(page).filter((text) => !text.startsWith(VIEW_KEY));
    const entries = view === "" ? others : [...others, VIEW_KEY + encodeURIComponent(view)];
    return `${page.location.pathname}${page.location.search}${entries.length > 0 ? `#${entries.join("&")}` : ""}`;
  };
  return {
    isEmbedded: page.parent !== page,
    readView,
    writeView: (view) => {
      lastWritten = view;
      if (hasAddress && view !== readView()) page.history.replaceState(page.history.state, "", viewUrl(view));
    },
    link: (view) => (hasAddress ? new URL(viewUrl(view), page.location.href).href : null),
    onNavigate: (callback) => page.addEventListener("hashchange", () => readView() !== lastWritten && callback()),
    onDarkModeChange: (callback) =>
      tensorboardWindow ? watchTensorboardTheme(tensorboardWindow, callback) : watchColorScheme(window, callback),
    onReload: (callback) => tensorboardWindow && listenToReloads(tensorboardWindow, callback),
  };
}

/** Decode an entry of the address, or return it as it is if it was cut off or is otherwise malformed. */
function decodeEntry(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Return TensorBoard's window if this page is an iframe in it, or null. */
function findTensorboardWindow(window) {
  try {
    return window.parent !== window && window.parent.tensorboard ? window.parent : null;
  } catch {
    return null; // a parent of another origin, which is not accessible
  }
}

function hashEntries(page) {
  return page.location.hash.slice(1).split("&").filter(Boolean);
}

function watchTensorboardTheme(tensorboardWindow, callback) {
  const { body } = tensorboardWindow.document;
  const notify = () => callback(body.classList.contains("dark-mode"));
  new MutationObserver(notify).observe(body, { attributes: true, attributeFilter: ["class"] });
  notify();
}

function watchColorScheme(window, callback) {
  const darkScheme = window.matchMedia("(prefers-color-scheme: dark)");
  darkScheme.addEventListener("change", () => callback(darkScheme.matches));
  callback(darkScheme.matches);
}

/** Open the message channel through which TensorBoard notifies plugins after it has reloaded its data. */
function listenToReloads(tensorboardWindow, callback) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.isReply) return;
    const { type, id } = message;
    port1.postMessage(JSON.stringify({ type, id, payload: null, error: null, isReply: true }));
    if (message.type === "experimental.DataReloaded") callback();
  };
  tensorboardWindow.postMessage("experimental.bootstrap", "*", [port2]);
}
