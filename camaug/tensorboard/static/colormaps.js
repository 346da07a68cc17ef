/** Colour maps as equidistant stops, interpolated linearly; the same stops as `camaug.images.render.COLORMAPS`. */

/** @type {Object<string, string[]>} */
export const COLORMAPS = {
  viridis: ["440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"],
  inferno: ["000004", "1b0c41", "4a0c6b", "781c6d", "a52c60", "cf4446", "ed6925", "fb9b06", "f7d13d", "fcffa4"],
  cividis: ["00224e", "123570", "3b496c", "575d6d", "707173", "8a8678", "a59c74", "c3b369", "e1cc55", "fee838"],
  turbo: ["30123b", "4662d7", "36aaf9", "1ae4b6", "72fe5e", "c8ef34", "faba39", "f66b19", "ca2a04", "7a0403"],
  gray: ["000000", "ffffff"],
};

/** Diverging colour map from −1 (blue) to 1 (orange), safe for colour-blind readers. */
export const DIFFERENCE_STOPS = ["08306b", "2171b5", "6baed6", "f7f7f7", "fdae6b", "e6550d", "7f2704"];

/**
 * Interpolate a colour map.
 *
 * @param {string[]} stops
 * @param {number} [length]
 * @returns {Uint8Array} red, green and blue of `length` values from the lowest to the highest
 */
export function interpolateStops(stops, length = 256) {
  const channels = stops.map((stop) => [0, 2, 4].map((start) => parseInt(stop.slice(start, start + 2), 16)));
  const table = new Uint8Array(length * 3);
  for (let i = 0; i < length; i++) {
    const position = (i / (length - 1)) * (stops.length - 1);
    const below = Math.min(Math.floor(position), stops.length - 2);
    for (let c = 0; c < 3; c++) {
      const [low, high] = [channels[below][c], channels[below + 1][c]];
      table[3 * i + c] = Math.round(low + (high - low) * (position - below));
    }
  }
  return table;
}

const tables = new Map();

/** Return the 256 colours of a colour map, computed once. */
export function colormapTable(name) {
  if (!tables.has(name)) tables.set(name, interpolateStops(COLORMAPS[name]));
  return tables.get(name);
}

/** Return a colour map as a CSS gradient from left to right. */
export function cssGradient(stops) {
  return `linear-gradient(to right, ${stops.map((stop) => `#${stop}`).join(", ")})`;
}
