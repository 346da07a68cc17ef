/**
 * Loads what is on the screen, a few at a time. What has left the screen before its turn is never asked for, and what is
 * on its way is called off, so that fast scrolling leaves no queue behind.
 */

const SETTLE = 100; // milliseconds for which what is in sight must stay

export class Loader {
  /**
   * @param {function(*, AbortSignal): Promise<*>} load
   * @param {function(): void} onChange  called when something has arrived or failed
   * @param {{capacity?: number, sizeOf?: function(*): number, atOnce?: number}} [limits]  of what is kept that nobody
   *   wants, and how many are loaded at a time
   */
  constructor(load, onChange, { capacity = 256, sizeOf = () => 1, atOnce = 4 } = {}) {
    this.load = load;
    this.onChange = onChange;
    this.capacity = capacity;
    this.sizeOf = sizeOf;
    this.atOnce = atOnce;
    this.wanted = new Map();
    this.loaded = new Map(); // key to {value, version}, the latest use last
    this.failed = new Map(); // key to {message, version}
    this.running = new Map();
    this.timer = null; // while what is in sight has not stayed for long
  }

  /**
   * Say what is on the screen now, the most urgent first.
   *
   * @param {{key: string, version: *, item: *}[]} wishes  another version is loaded anew, the old one kept until then
   */
  want(wishes) {
    const before = this.wanted;
    this.wanted = new Map(wishes.map((wish) => [wish.key, wish]));
    for (const [key, run] of this.running) if (!this.wanted.has(key)) run.abort();
    if (before.size > 0 && wishes.every(({ key }) => before.has(key))) {
      if (this.timer === null) this.start();
      return;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      this.start();
    }, before.size === 0 ? 0 : SETTLE);
  }

  /** What was loaded, or undefined. */
  get(key) {
    return this.loaded.get(key)?.value;
  }

  /** Which loading `get` would answer from: changes when there is something new to draw. */
  version(key) {
    return this.loaded.get(key)?.version;
  }

  /** Why it could not be loaded, or undefined. */
  error(key) {
    return this.failed.get(key)?.message;
  }

  /** Try again what failed. */
  retry() {
    this.failed.clear();
    this.start();
  }

  start() {
    for (const [key, { version, item }] of this.wanted) {
      if (this.running.size >= this.atOnce || this.timer !== null) return;
      const settled = this.loaded.get(key)?.version === version || this.failed.get(key)?.version === version;
      if (!settled && !this.running.has(key)) this.run(key, version, item);
    }
  }

  async run(key, version, item) {
    const control = new AbortController();
    this.running.set(key, control);
    try {
      this.keep(key, { value: await this.load(item, control.signal), version });
      this.failed.delete(key);
    } catch (error) {
      if (!control.signal.aborted) this.failed.set(key, { message: error.message, version });
    }
    this.running.delete(key);
    if (!control.signal.aborted) this.onChange();
    this.start();
  }

  keep(key, entry) {
    this.loaded.delete(key);
    this.loaded.set(key, entry);
    let size = 0;
    for (const { value } of this.loaded.values()) size += this.sizeOf(value);
    for (const [old, { value }] of this.loaded) {
      if (size <= this.capacity) return;
      if (this.wanted.has(old)) continue;
      this.loaded.delete(old);
      size -= this.sizeOf(value);
    }
  }
}

/** Load a picture, ready to be drawn. */
export async function loadImage(url, signal) {
  if (url === null) throw new Error("the original image was not logged");
  const image = new Image();
  const calledOff = new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      image.removeAttribute("src");
      reject(new Error("called off")); // decoding may never say so itself
    });
  });
  image.src = url;
  try {
    await Promise.race([image.decode(), calledOff]);
  } catch (error) {
    throw new Error("the original image cannot be read", { cause: error });
  }
  return image;
}
