/** Loader of what is visible. Items that leave the screen are aborted, so that fast scrolling leaves no queue. */

const SETTLE_TIME = 100; // milliseconds without newly visible items before loading starts

export class OnDemandLoader {
  /**
   * @param {function(*, AbortSignal): Promise<*>} load
   * @param {function(): void} onChange  called when an item is loaded or has failed
   * @param {{capacity?: number, sizeOf?: function(*): number, concurrency?: number}} [options]  how much to keep, and
   *   how many items to load at once
   */
  constructor(load, onChange, { capacity = 256, sizeOf = () => 1, concurrency = 4 } = {}) {
    this.load = load;
    this.onChange = onChange;
    this.capacity = capacity;
    this.sizeOf = sizeOf;
    this.concurrency = concurrency;
    this.wanted = new Map();
    this.loaded = new Map(); // key to {value, version}, most recently loaded last
    this.failed = new Map(); // key to {message, version}
    this.controllers = new Map(); // key to AbortController, of what is being loaded
    this.settleTimer = null;
  }

  /**
   * Set the items to load, most urgent first. A new version of an item replaces the old one once it is loaded.
   *
   * @param {{key: string, version: *, item: *}[]} items
   */
  setWanted(items) {
    const previous = this.wanted;
    this.wanted = new Map(items.map((item) => [item.key, item]));
    for (const [key, controller] of this.controllers) if (!this.wanted.has(key)) controller.abort();
    if (previous.size > 0 && items.every(({ key }) => previous.has(key))) {
      if (this.settleTimer === null) this.loadNext();
      return;
    }
    clearTimeout(this.settleTimer);
    this.settleTimer = setTimeout(() => {
      this.settleTimer = null;
      this.loadNext();
    }, previous.size === 0 ? 0 : SETTLE_TIME);
  }

  /** Return the loaded value, or undefined. */
  get(key) {
    return this.loaded.get(key)?.value;
  }

  /** Return the version of the loaded value, or undefined. */
  version(key) {
    return this.loaded.get(key)?.version;
  }

  /** Return why an item could not be loaded, or undefined. */
  error(key) {
    return this.failed.get(key)?.message;
  }

  /** Load again what failed. */
  retry() {
    this.failed.clear();
    this.loadNext();
  }

  loadNext() {
    for (const [key, { version, item }] of this.wanted) {
      if (this.controllers.size >= this.concurrency || this.settleTimer !== null) return;
      const isDone = this.loaded.get(key)?.version === version || this.failed.get(key)?.version === version;
      if (!isDone && !this.controllers.has(key)) this.loadItem(key, version, item);
    }
  }

  async loadItem(key, version, item) {
    const controller = new AbortController();
    this.controllers.set(key, controller);
    try {
      this.keep(key, { value: await this.load(item, controller.signal), version });
      this.failed.delete(key);
    } catch (error) {
      if (!controller.signal.aborted) this.failed.set(key, { message: error.message, version });
    }
    this.controllers.delete(key);
    if (!controller.signal.aborted) this.onChange();
    this.loadNext();
  }

  /** Store a loaded entry and drop the oldest unwanted entries above the capacity. */
  keep(key, entry) {
    this.loaded.delete(key);
    this.loaded.set(key, entry);
    let size = 0;
    for (const { value } of this.loaded.values()) size += this.sizeOf(value);
    for (const [oldKey, { value }] of this.loaded) {
      if (size <= this.capacity) return;
      if (this.wanted.has(oldKey)) continue;
      this.loaded.delete(oldKey);
      size -= this.sizeOf(value);
    }
  }
}
