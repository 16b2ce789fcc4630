// The servers at which a page can go on, and whose turn it is: its own, and those it was told of.
//
// A page may connect only to servers that its Content-Security-Policy names: those that were known
// when it was loaded. At any other it has to be loaded anew. That needs a network, or the page is
// lost, and what is told of sockets does not say whether there is one. So it is done only
// - when a server sends the page away, and no other is left that it may connect to;
// - after GONE_AFTER attempts in vain, if the browser knows of a network.

const GONE_AFTER = 8;

/**
 * Whether a page loaded there is encrypted if this one is: its token is in the address.
 * @param {string} url
 */
const isAsSafe = (url) => location.protocol !== "https:" || url.startsWith("https:");

export class Servers {
  /** By their URL; "" is the page's own. */
  #urls = [""];
  #turn = 0;
  /** Those that the policy does not allow. @type {Set<string>} */
  #barred = new Set();
  /** The one that sent the page away. @type {string | null} */
  #left = null;
  /** Attempts in vain since the page was joined, or was told where to load. */
  #missed = 0;

  /** The one whose turn it is. */
  get url() {
    return this.#urls[this.#turn] ?? "";
  }

  /**
   * The page has joined at this one.
   * @param {string[]} others the first one is tried next, if this one is lost
   */
  joined(others) {
    this.#left = null;
    this.#missed = 0;
    this.#know(others);
  }

  /**
   * This one sends the page to another.
   * @param {string} url
   */
  leaveFor(url) {
    this.#left = this.url;
    this.#know([url, ...this.#urls]);
    this.next();
  }

  /** Nothing was reached there: it is the next one's turn. */
  next() {
    this.#missed += 1;
    do {
      this.#turn = (this.#turn + 1) % this.#urls.length;
    } while (this.#barred.has(this.url));
  }

  /**
   * The policy does not allow this one.
   * @param {string} url
   */
  bar(url) {
    this.#barred.add(url);
    if (this.url === url) this.next();
  }

  /** Where the page has to be loaded now, if anywhere. It is said once. */
  takeLoading() {
    const url = this.#urls.find((each) => this.#barred.has(each) && isAsSafe(each));
    const sent = this.#left !== null
      && this.#urls.every((each) => this.#barred.has(each) || each === this.#left);
    const gone = this.#missed >= GONE_AFTER && navigator.onLine;
    if (url === undefined || !(sent || gone)) return null;
    this.#left = null;
    this.#missed = 0;
    return url;
  }

  /** @param {string[]} others */
  #know(others) {
    this.#urls = [...new Set([this.url, ...others, ""])];
    this.#turn = 0;
  }
}
