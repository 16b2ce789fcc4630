"""What the doctor finds, and the report for people and for programs."""

import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from server.config import tolk_version

#: "problem": something will not work; "note": worth knowing.
Level = Literal["ok", "note", "problem"]
#: What a report may not hold, since people show it to others: user names and passwords in
#: addresses, and values of what sounds secret.
_SECRETS: Final = (
    (re.compile(r"://[^/@\s'\"]+@"), "://…@"),
    (re.compile(r"(?i)\b(token|secret|pass\w*|key|pwd)=[^&,\s'\"]+"), r"\1=…"),
)


class Finding(msgspec.Struct, frozen=True):
    """``part``: what was looked at, in a word. ``text``: what was found. ``advice``: what to do."""

    part: str
    level: Level
    text: str
    advice: str = ""


def discreet(finding: Finding) -> Finding:
    """The finding without secrets, and without the name of this user's folder."""
    return msgspec.structs.replace(
        finding, text=_discreet(finding.text), advice=_discreet(finding.advice)
    )


def _discreet(text: str) -> str:
    home = str(Path.home())
    if home != "/":
        text = text.replace(home, "~")
    for secret, shown in _SECRETS:
        text = secret.sub(shown, text)
    return text


def problems(findings: Sequence[Finding]) -> int:
    """The number of problems."""
    return sum(each.level == "problem" for each in findings)


def as_data(findings: Sequence[Finding]) -> dict[str, Any]:
    """The report, for JSON."""
    return {"about": _about(), "problems": problems(findings), "findings": findings}


def as_text(findings: Sequence[Finding]) -> str:
    """The report, for people: one line for each finding, and what to do below it."""
    lines = [_about(), ""]
    for each in findings:
        lines.append(f"{each.level:<8} {each.part:<12} {each.text}")
        if each.advice:
            lines.append(f"{'':<21} → {each.advice}")
    count = problems(findings)
    said = {0: "No problem was found.", 1: "1 problem was found."}
    return "\n".join([*lines, "", said.get(count, f"{count} problems were found.")])


def _about() -> str:
    return (
        f"Tolk {tolk_version()}, Python {platform.python_version()}, {platform.system()} "
        f"{platform.release()}, {platform.machine()}"
    )
