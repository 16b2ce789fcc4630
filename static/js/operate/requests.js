// What an operator asks the server to do. The token is in a header of each request.

import { errorText } from "../i18n.js";
import { at } from "../page.js";

export class Requests {
  #token;

  /** @param {string} token */
  constructor(token) {
    this.#token = token;
  }

  /**
   * The server's answer; throws an Error in words where it refuses.
   * @param {"GET" | "POST" | "PUT"} method
   * @param {string} path
   * @param {object} [body]
   */
  async ask(method, path, body) {
    const response = await fetch(at(`api/${path}`), {
      method,
      headers: { Authorization: `Bearer ${this.#token}` },
      body: body && JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) {
      // Its own words say what is wrong with what was typed; ours are about a page.
      throw new Error(response.status === 400 ? answer.message : errorText(answer));
    }
    return answer;
  }

  /**
   * Does something with a stream.
   * @param {string} stream
   * @param {"end" | "pause" | "panel" | "notice"} what
   * @param {object} [body]
   */
  steer(stream, what, body = {}) {
    return this.ask("POST", `operate/streams/${encodeURIComponent(stream)}/${what}`, body);
  }
}
