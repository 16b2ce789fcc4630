// Of a browser's tabs that speak in one stream, the one that began last goes on. The server tells
// the others too, but not while they are cut off: they would come back and take the stream again.

export class OnlyTab {
  /** @type {BroadcastChannel | null} */
  #channel = null;

  /**
   * @param {string} name
   * @param {() => void} onOther is called when another tab has begun
   */
  constructor(name, onOther) {
    if (!("BroadcastChannel" in window)) return;
    this.#channel = new BroadcastChannel(`tolk.speak.${name}`);
    this.#channel.onmessage = onOther;
  }

  /** This tab has begun. */
  begin() {
    this.#channel?.postMessage("begun");
  }
}

/** @param {BeforeUnloadEvent} event */
function ask(event) {
  event.preventDefault();
}

/**
 * Whether the browser asks before it leaves the page.
 * @param {boolean} on
 */
export function askBeforeLeaving(on) {
  if (on) addEventListener("beforeunload", ask);
  else removeEventListener("beforeunload", ask);
}
