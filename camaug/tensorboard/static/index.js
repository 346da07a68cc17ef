/** The entry: TensorBoard loads this module in an iframe and calls `render`. */

import { startApp } from "./app.js";
import { connectHost } from "./host.js";
import { openData } from "./data.js";

/** Build the page. */
export function render() {
  document.title = "camaug";
  document.documentElement.lang = "en";
  startApp(document.body, openData(document), connectHost(window));
}
