"""Joins the modules of a page into one file, so that a browser asks once and not fifteen times.

Browsers open six connections to a server, so over a slow link every six files cost a round trip
more. The modules stay as they are: each becomes a function, which returns what the module exports.
They are written in one style, and a module in another is refused:

- imports: ``import { a, b as c } from "./name.js";``, whole statements at the beginning of a line;
- exports: ``export function``, ``export class`` and ``export const``;
- only the page's own module waits at its top level, and no modules import each other in a circle.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

_IMPORT: Final = re.compile(r'^import\s+(?:\{([^}]*)\}\s+from\s+)?"\./([\w-]+)\.js";\n', re.M)
_EXPORT: Final = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.M)
_OTHER: Final = re.compile(r"^(?:import|export)\b(?!\()", re.M)
#: Comments that have lines of their own.
_COMMENT: Final = re.compile(r"^[ \t]*(?://[^\n]*|/\*(?:[^*]|\*(?!/))*\*/[ \t]*)\n", re.M)


class BundleError(Exception):
    """A module cannot be joined with others. The message says why."""


def imports(source: str) -> list[str]:
    """The names of the modules that a module imports, in order."""
    return [match[2] for match in _IMPORT.finditer(source)]


def bundle(entries: Sequence[str], sources: Mapping[str, str]) -> str:
    """One module that does what the modules ``entries`` do, imported in this order. ``sources``:
    the text of each module, by name, without ".js". Raises BundleError."""
    order: list[str] = []
    for name in entries:
        _add(name, sources, order, ())
    *parts, last = order
    return "".join([*(_as_function(each, sources[each]) for each in parts), _body(last, sources)])


def _add(name: str, sources: Mapping[str, str], order: list[str], above: Sequence[str]) -> None:
    """Add a module to ``order``, after those that it imports."""
    if name in above:
        raise BundleError(f"{' -> '.join([*above, name])}: modules import each other in a circle")
    if name not in sources:
        raise BundleError(f"{' -> '.join([*above, name])}: there is no such module")
    for each in imports(sources[name]):
        _add(each, sources, order, (*above, name))
    if name not in order:
        order.append(name)


def _as_function(name: str, source: str) -> str:
    exported = ", ".join(match[1] for match in _EXPORT.finditer(source))
    return f"const ${name} = (() => {{\n{_plain(name, source)}return {{ {exported} }};\n}})();\n"


def _body(name: str, sources: Mapping[str, str]) -> str:
    return _plain(name, sources[name])


def _plain(name: str, source: str) -> str:
    """The module's text without import and export, and without most comments."""
    text = _EXPORT.sub("", _IMPORT.sub(_destructured, source))
    text = _COMMENT.sub("", text)
    if other := _OTHER.search(text):
        line = text[other.start() :].partition("\n")[0]
        raise BundleError(f"{name}.js: {line!r} is not in the style that can be joined")
    return text


def _destructured(match: re.Match[str]) -> str:
    if match[1] is None:
        return ""
    names = re.sub(r"\s+as\s+", ": ", match[1].strip())
    return f"const {{ {names} }} = ${match[2]};\n"
