/** Creation and update of DOM elements. Text is always set as text, so that class names can never become markup. */

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * Create an HTML element.
 *
 * @param {string} tag
 * @param {Object<string, *>} [properties] `text` and `on` (event name to handler) are special; the others are
 *   attributes, where `true` sets an empty attribute, and `false` or `null` none.
 * @param {...(Node|null)} children
 * @returns {HTMLElement}
 */
export function element(tag, properties = {}, ...children) {
  return setUp(document.createElement(tag), properties, children);
}

/** Create an SVG element. */
export function svgElement(tag, properties = {}, ...children) {
  return setUp(document.createElementNS(SVG_NAMESPACE, tag), properties, children);
}

/** Set an attribute if it has changed; `false` and `null` remove it. */
export function setAttribute(node, name, value) {
  if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value === true ? "" : value)) {
    node.setAttribute(name, value === true ? "" : value);
  }
}

/** Set a text if it has changed, so that screen readers do not repeat it. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Create a button that shows a symbol and has a label as its tooltip. */
export function iconButton(text, label, onClick, properties = {}) {
  const attributes = { type: "button", text, "aria-label": label, title: label, ...properties };
  return element("button", { ...attributes, on: { click: onClick } });
}

/** Create a label around a control. */
export function labelled(text, control) {
  return element("label", { class: "field" }, element("span", { class: "field-name", text }), control);
}

/** Create a drop-down list; `options` are pairs of value and text. */
export function dropdown(options, onChange, properties = {}) {
  const select = element("select", { ...properties, on: { change: () => onChange(select.value) } });
  setOptions(select, options);
  return select;
}

/** Replace the options of a drop-down list if they have changed. */
export function setOptions(select, options) {
  const previous = [...select.options].map((option) => [option.value, option.text]);
  if (JSON.stringify(previous) === JSON.stringify(options)) return;
  const { value } = select;
  select.replaceChildren(...options.map(([key, text]) => element("option", { value: key, text })));
  select.value = value;
}

/** Create a row of buttons, one of which is pressed; `update(value)` presses it. */
export function segmentedButtons(label, options, onChange) {
  const buttons = options.map(([value, text]) =>
    element("button", { type: "button", text, "data-value": value, on: { click: () => onChange(value) } }),
  );
  const node = element("div", { class: "segmented", role: "group", "aria-label": label }, ...buttons);
  const update = (value) => {
    for (const button of buttons) setAttribute(button, "aria-pressed", String(button.dataset.value === value));
  };
  return { node, update };
}

function setUp(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name === "text") node.textContent = value;
    else if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else setAttribute(node, name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}
