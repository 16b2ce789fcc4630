// Server-sent events as text, and JSON Merge Patch (RFC 7396).

/**
 * A server-sent event's name and data; null for a comment.
 * @param {string} event
 */
export function parsed(event) {
  const lines = event.split("\n");
  const name = lines.find((line) => line.startsWith("event: "))?.slice(7);
  const data = lines.find((line) => line.startsWith("data: "))?.slice(6);
  return name === undefined || data === undefined ? null : { name, data: JSON.parse(data) };
}

/**
 * `target` after a JSON Merge Patch; both stay as they are.
 * @param {unknown} target
 * @param {unknown} patch
 * @returns {unknown}
 */
export function merged(target, patch) {
  if (!isObject(patch)) return patch;
  const result = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, merged(result.get(name), value));
  }
  return Object.fromEntries(result);
}

/** @param {unknown} value @returns {value is object} */
function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
