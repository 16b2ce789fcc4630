// Whether the server refuses pages of this address: of a socket's end browsers do not tell why.

/** @import { ServerError } from "./messages.js" */
import { at } from "./page.js";

const AGAIN_S = 5;

/** @returns {Promise<ServerError | null>} null if it refuses nothing, or cannot be reached */
export async function askForRefusal() {
  try {
    const answer = await fetch(at("api/connect"), { method: "POST" });
    const message = await answer.text();
    return answer.status === 403 ? { code: "origin", message, retry_after_s: AGAIN_S } : null;
  } catch {
    return null; // as the sockets have found
  }
}
