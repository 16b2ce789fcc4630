// What an operator asks the server to do. The token is in a header of each request.

import { errorText, t } from "../i18n.js";
import { at, InWords } from "../page.js";

export class Requests {
  #token;

  /** @param {string} token */
  constructor(token) {
    this.#token = token;
  }

  /**
   * The server's answer; throws InWords where it refuses or gives none.
   * @param {"GET" | "POST" | "PUT"} method
   * @param {string} path
   * @param {object} [body]
   */
  async ask(method, path, body) {
    const { status, answer } = await this.#send(method, path, body).catch(() => {
      throw new InWords(t("error.unreachable"));
    });
    if (status >= 400) {
      // Its own words say what is wrong with what was typed; ours are about a page.
      throw new InWords(status === 400 ? answer.message : errorText(answer));
    }
    return answer;
  }

  /**
   * Throws where there is no network, or where what answers is a proxy.
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  async #send(method, path, body) {
    const response = await fetch(at(`api/${path}`), {
      method,
      headers: { Authorization: `Bearer ${this.#token}` },
      body: body && JSON.stringify(body),
    });
    return { status: response.status, answer: await response.json() };
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
