// Used by every page: its elements, stream and token, and storage that may be refused.

const LANGUAGES_AGAIN_MS = 2000;

/** All elements that have an id, by id. */
export function elementsById() {
  return Object.fromEntries([...document.querySelectorAll("[id]")].map((e) => [e.id, e]));
}

/** The stream's name: the last part of the path. */
export const stream = decodeURIComponent(location.pathname.split("/").at(-1));

/** Some private windows refuse storage. Then the page works, but remembers nothing. */
export function remember(storage, key, value) {
  try {
    if (value === null) window[storage].removeItem(key);
    else window[storage].setItem(key, value);
  } catch {
    // Refused: the value is not remembered.
  }
}

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

/** Whether `token`, a JWT, claims a right. Only for display: the server checks the token. */
export function grants(token, right) {
  try {
    const claims = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(claims))[right] === true;
  } catch {
    return false;
  }
}

/**
 * The languages of the server: `{sources: [tag], targets: {source: [tag]}}`. Retries until the
 * server answers, because the page needs them.
 */
export async function fetchLanguages() {
  for (;;) {
    try {
      const response = await fetch("/api/languages");
      if (response.ok) return await response.json();
    } catch {
      // The network or the server is not available yet.
    }
    await new Promise((resolve) => setTimeout(resolve, LANGUAGES_AGAIN_MS));
  }
}
