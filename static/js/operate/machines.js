// The machines that are joined: what each has to do, and a switch to empty it.

/** @import { MachineState } from "./board.js" */
/** @import { Requests } from "./requests.js" */
import { languageName, pageLanguage, t } from "../i18n.js";
import { write } from "./card.js";
import { copyOf } from "./template.js";

export class Machines {
  /** @type {Map<string, Row>} */
  #rows = new Map();
  #box;
  #list;
  #requests;

  /**
   * @param {HTMLElement} box hidden while there is only this machine
   * @param {HTMLElement} list
   * @param {Requests} requests
   */
  constructor(box, list, requests) {
    this.#box = box;
    this.#list = list;
    this.#requests = requests;
  }

  /** @param {Record<string, MachineState>} machines */
  show(machines) {
    this.#box.hidden = Object.keys(machines).length === 0;
    for (const [name, row] of this.#rows) {
      if (Object.hasOwn(machines, name)) continue;
      row.element.remove();
      this.#rows.delete(name);
    }
    for (const [name, machine] of Object.entries(machines)) {
      let row = this.#rows.get(name);
      if (row === undefined) {
        row = new Row(name, this.#requests);
        this.#rows.set(name, row);
        this.#list.append(row.element);
      }
      row.show(machine);
    }
  }
}

class Row {
  #parts;
  #draining = false;
  #drains = "";

  /**
   * @param {string} name
   * @param {Requests} requests
   */
  constructor(name, requests) {
    const { element, parts } = copyOf("machine");
    this.element = element;
    this.#parts = parts;
    this.#parts.name.textContent = name;
    this.#parts.drain.onclick = () => requests.ask("POST",
      `operate/machines/${encodeURIComponent(this.#drains)}/drain`, { on: !this.#draining });
  }

  /** @param {MachineState} machine */
  show(machine) {
    const { roles, facts, trouble, drain } = this.#parts;
    this.#draining = machine.draining ?? false;
    this.#drains = machine.drains ?? "";
    write(roles, machine.roles.map((role) => t(`operate.role_${role}`)).join(" · "));
    write(facts, factsOf(machine));
    write(trouble, troubleOf(machine));
    trouble.className = machine.draining && !machine.leaving ? "hint" : "trouble";
    write(drain, t(this.#draining ? "operate.use_again" : "operate.drain"));
    drain.hidden = this.#drains === "" || machine.leaving === true;
  }
}

/** @param {MachineState} machine */
function factsOf({ cores, load, streams, drains }) {
  if (drains === undefined) return "";
  const served = Object.entries(streams).map(([stream, languages]) =>
    [stream, ...languages.map((tag) => languageName(tag, pageLanguage))].join(", "));
  return [
    t("operate.load", { load, cores }),
    served.length > 0 ? t("operate.interprets", { streams: served.join("; ") }) : "",
  ].filter(Boolean).join(" ");
}

/** @param {MachineState} machine */
function troubleOf({ streams, drains, draining, leaving, ready }) {
  if (leaving) return t("operate.leaving");
  if (draining) return t(Object.keys(streams).length > 0 ? "operate.draining" : "operate.drained");
  return drains !== undefined && !ready ? t("operate.machine_not_ready") : "";
}
