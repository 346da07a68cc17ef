/**
 * The page around this one. In TensorBoard this page is a frame: the address that people see, dark mode and the reload
 * button belong to the page around it. Elsewhere the page is its own.
 *
 * @typedef {object} Host
 * @property {function(): string} readView            the view in the address, or ""
 * @property {function(string): void} writeView
 * @property {function(string): string} link          the address that shows a view
 * @property {function(function(): void): void} onNavigate  when the view in the address was changed from outside
 * @property {function(function(boolean): void): void} onDark  now, and when it changes
 * @property {function(function(): void): void} onReload
 */

const VIEW = "p.camaug.view="; // TensorBoard keeps what a plugin `NAME` puts into the address under `p.NAME.`

/** @returns {Host} */
export function connectHost(window) {
  const around = pageAround(window);
  const page = around ?? window;
  let written = null;
  const readView = () => {
    const part = parts(page).find((text) => text.startsWith(VIEW));
    return part === undefined ? "" : decodeURIComponent(part.slice(VIEW.length));
  };
  const address = (view) => {
    const others = parts(page).filter((text) => !text.startsWith(VIEW));
    const all = view === "" ? others : [...others, VIEW + encodeURIComponent(view)];
    return `${page.location.pathname}${page.location.search}${all.length > 0 ? `#${all.join("&")}` : ""}`;
  };
  return {
    readView,
    writeView: (view) => {
      written = view;
      if (view !== readView()) page.history.replaceState(page.history.state, "", address(view));
    },
    link: (view) => new URL(address(view), page.location.href).href,
    onNavigate: (callback) => page.addEventListener("hashchange", () => readView() !== written && callback()),
    onDark: (callback) => (around ? watchDarkMode(around, callback) : watchPreference(window, callback)),
    onReload: (callback) => around && listenToReloads(around, callback),
  };
}

/** TensorBoard's window, if this is a frame in it. */
function pageAround(window) {
  try {
    return window.parent !== window && window.parent.tensorboard ? window.parent : null;
  } catch {
    return null; // a frame of another origin, which may not be looked at
  }
}

function parts(page) {
  return page.location.hash.slice(1).split("&").filter(Boolean);
}

function watchDarkMode(around, callback) {
  const { body } = around.document;
  const tell = () => callback(body.classList.contains("dark-mode"));
  new MutationObserver(tell).observe(body, { attributes: true, attributeFilter: ["class"] });
  tell();
}

function watchPreference(window, callback) {
  const preference = window.matchMedia("(prefers-color-scheme: dark)");
  preference.addEventListener("change", () => callback(preference.matches));
  callback(preference.matches);
}

/** TensorBoard tells frames that open a channel when it has reloaded its data. */
function listenToReloads(around, callback) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.isReply) return;
    port1.postMessage(JSON.stringify({ type: message.type, id: message.id, payload: null, error: null, isReply: true }));
    if (message.type === "experimental.DataReloaded") callback();
  };
  around.postMessage("experimental.bootstrap", "*", [port2]);
}
