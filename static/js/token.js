// What a token, a JWT, says. The server decides what it is worth; pages offer accordingly.

/**
 * Its claims; none if it cannot be read.
 * @param {string} token
 * @returns {Record<string, unknown>}
 */
export function claimsOf(token) {
  try {
    const claims = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return Object(JSON.parse(atob(claims)));
  } catch {
    return {};
  }
}

/** @param {string} token */
export function isExpired(token) {
  return Number(claimsOf(token).exp) * 1000 < Date.now();
}

/**
 * The languages that it is for; null for all.
 * @param {string | null} token
 * @returns {string[] | null}
 */
export function languagesFor(token) {
  const languages = token === null ? null : claimsOf(token).languages;
  return Array.isArray(languages) ? languages : null;
}
