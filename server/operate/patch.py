"""What changed between two states, as a JSON Merge Patch (RFC 7396). States hold no nulls."""

from typing import Any

#: A JSON object.
Json = dict[str, Any]


def difference(before: Json, after: Json) -> Json:
    """The patch that makes ``before`` into ``after``; {} if they are the same."""
    patch: Json = {name: None for name in before.keys() - after.keys()}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            if inner := difference(old, value):
                patch[name] = inner
        elif old != value or name not in before:
            patch[name] = value
    return patch
