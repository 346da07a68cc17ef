/** The entry of the stand-alone page and of the report: there is no TensorBoard that would call `render`. */

import { render } from "./index.js";

render();
