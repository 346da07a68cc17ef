/** Elements in one call. Text is always set as text, so that names from data sets can never be markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} tag
 * @param {Object<string, *>} [properties] `text` and `on` (event name to handler) are special; the rest are attributes,
 *   where `true` means present, and `false` or `null` absent.
 * @param {...(Node|null)} children
 * @returns {HTMLElement}
 */
export function element(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for a drawing. */
export function drawing(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** Set what changed of an attribute; `false` and `null` take it away. */
export function setAttribute(node, name, value) {
  if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value === true ? "" : value)) {
    node.setAttribute(name, value === true ? "" : value);
  }
}

/** Set a text where it changed, so that screen readers do not hear it twice. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A control with its label around it. */
export function labelled(text, control, properties = {}) {
  return element("label", { class: "field", ...properties }, element("span", { class: "name", text }), control);
}

/** A list to choose one from: `options` are pairs of value and text. */
export function choice(options, onChange, properties = {}) {
  const select = element("select", { ...properties, on: { change: () => onChange(select.value) } });
  setOptions(select, options);
  return select;
}

/** Replace the options of a list where they changed. */
export function setOptions(select, options) {
  const before = [...select.options].map((option) => [option.value, option.text]);
  if (JSON.stringify(before) === JSON.stringify(options)) return;
  const { value } = select;
  select.replaceChildren(...options.map(([key, text]) => element("option", { value: key, text })));
  select.value = value;
}

/** Buttons of which one is pressed. `update(value)` presses it. */
export function segmented(label, options, onChange) {
  const buttons = options.map(([value, text, title = null]) =>
    element("button", { type: "button", text, title, "data-value": value, on: { click: () => onChange(value) } }),
  );
  const node = element("div", { class: "segmented", role: "group", "aria-label": label }, ...buttons);
  const update = (value) => {
    for (const button of buttons) setAttribute(button, "aria-pressed", String(button.dataset.value === value));
  };
  return { node, update };
}

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name === "text") node.textContent = value;
    else if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else setAttribute(node, name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}
