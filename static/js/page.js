// Used by every page: its elements, stream and token, and storage that may be refused.

/** @import { First, Languages } from "./messages.js" */
import { t, textsLoaded } from "./i18n.js";
import { claimsOf } from "./token.js";

/** @typedef {"localStorage" | "sessionStorage"} Storage */

const AGAIN_MS = 2000;
/** What is thrown where something newer took the place of what was under way. */
const SUPERSEDED = ["AbortError", "InvalidStateError"];

/**
 * The elements with these ids, by id; throws where one is missing or of another kind.
 * @template {Record<string, new () => HTMLElement>} Kinds
 * @param {Kinds} kinds
 * @returns {{[id in keyof Kinds]: InstanceType<Kinds[id]>}}
 */
export function elementsById(kinds) {
  const found = Object.entries(kinds).map(([id, kind]) => {
    const element = document.getElementById(id);
    if (!(element instanceof kind)) throw new Error(`no ${kind.name} with the id ${id}`);
    return [id, element];
  });
  return Object.fromEntries(found);
}

/** What went wrong, in words for the person who reads the page. */
export class InWords extends Error {}

/** Shows in words what is thrown and not caught: no press of a button is without an answer. */
export function showFailures() {
  const { failure } = elementsById({ failure: HTMLElement });
  /** @param {unknown} thrown */
  const show = (thrown) => {
    if (thrown === null) return; // a remark of the browser, such as that of a ResizeObserver
    const { name = "", message = String(thrown) } = thrown instanceof Object
      ? /** @type {Partial<Error>} */ (thrown) : {};
    if (SUPERSEDED.includes(name)) return;
    /** @param {string} text */
    const say = (text) => {
      failure.textContent = text;
    };
    if (thrown instanceof InWords) {
      say(message);
      addEventListener("click", () => say(""), { once: true }); // it is tried again, or left
      return;
    }
    textsLoaded.then(() => say(t("error.page", { what: message })), () => say(message));
  };
  addEventListener("error", ({ error }) => show(error));
  addEventListener("unhandledrejection", (event) => {
    if (event.reason instanceof InWords) event.preventDefault(); // it is no fault of the page
    show(event.reason);
  });
}

const ROOT = new URL("../..", import.meta.url);

/**
 * An address on the server, which may be below a path of a proxy.
 * @param {string} path without a slash at its beginning
 */
export function at(path) {
  return new URL(path, ROOT).href;
}

/**
 * A part of the address's path; what is not encoded as it should be, as it is.
 * @param {string} part
 */
export function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const PARTS = location.pathname.split("/");
/** The stream's name: the last part of the path; before the language in an interpreter's. */
export const stream = decoded(PARTS.at(PARTS.at(-3) === "interpret" ? -2 : -1) ?? "");

/**
 * What the server wrote into the page, so that nobody waits for it: see server/http/first.py.
 * @type {First}
 */
export const first = JSON.parse(document.getElementById("first")?.textContent || "{}");

/**
 * Storage is refused in some private windows; the page works without, it only forgets.
 * @param {Storage} storage
 * @param {string} key
 * @param {string | null} value
 */
export function remember(storage, key, value) {
  try {
    if (value === null) window[storage].removeItem(key);
    else window[storage].setItem(key, value);
  } catch {
    // Refused: the value is not remembered.
  }
}

/**
 * @param {Storage} storage
 * @param {string} key
 */
export function recall(storage, key) {
  try {
    return window[storage].getItem(key);
  } catch {
    return null;
  }
}

/**
 * The token from `#token=…` or `?token=…`, or else the one stored for this tab.
 * Removes it from the address bar at once, because addresses are shared, photographed and logged.
 */
export function takeToken() {
  const key = `tolk.token.${stream}`;
  const address = new URL(location.href);
  const fragment = new URLSearchParams(address.hash.slice(1));
  const token = fragment.get("token") ?? address.searchParams.get("token");
  if (token === null) return recall("sessionStorage", key);
  fragment.delete("token");
  address.searchParams.delete("token");
  address.hash = fragment.toString();
  history.replaceState(null, "", address);
  remember("sessionStorage", key, token);
  return token;
}

/**
 * What the fragment of the address says under this name. Removes it from there, as the token.
 * @param {string} name
 */
export function takeFromFragment(name) {
  const address = new URL(location.href);
  const fragment = new URLSearchParams(address.hash.slice(1));
  const value = fragment.get(name);
  if (value === null) return null;
  fragment.delete(name);
  address.hash = fragment.toString();
  history.replaceState(null, "", address);
  return value;
}

/**
 * The address of this page at another server, with what is to be in its query and its fragment.
 * @param {string} server its URL
 * @param {Record<string, string | null>} query null: as it is
 * @param {Record<string, string | null>} fragment
 */
export function addressAt(server, query, fragment) {
  const path = location.href.slice(ROOT.href.length);
  const address = new URL(path, server.endsWith("/") ? server : `${server}/`);
  const hash = new URLSearchParams(address.hash.slice(1));
  for (const [name, value] of Object.entries(query)) {
    if (value !== null) address.searchParams.set(name, value);
  }
  for (const [name, value] of Object.entries(fragment)) if (value !== null) hash.set(name, value);
  address.hash = hash.toString();
  return address.href;
}

/**
 * Whether `token`, a JWT, claims a right. The server decides; the page offers accordingly.
 * @param {string | null} token
 * @param {string} right
 */
export function grants(token, right) {
  return token !== null && claimsOf(token)[right] === true;
}

/**
 * What can be spoken and heard. Asks until it is told: without it there is nothing to choose.
 * @returns {Promise<Languages>}
 */
export async function fetchLanguages() {
  return first.languages ?? fetchPatiently("api/languages");
}

/**
 * What is recorded of the stream while somebody speaks.
 * @returns {Promise<{recording: string[]}>}
 */
export async function fetchRecording() {
  const { recording } = first.session ?? {};
  return recording ? { recording } : fetchPatiently(`api/streams/${stream}/recording`);
}

/** @param {string} path */
async function fetchPatiently(path) {
  for (;;) {
    try {
      const response = await fetch(at(path));
      if (response.ok) return await response.json();
    } catch {
      // The network or the server is not available yet.
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
