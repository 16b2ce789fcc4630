"""Writes manifest.json for a folder of models: what is in it, with the checksum of every file.

    python -m training.manifest DIR

Each model's folder has a model.json with its name, kind, languages or pairs, and licence.
"""

import argparse
import hashlib
import json
from pathlib import Path


def describe(folder: Path) -> dict[str, object]:
    """The contents of the model's model.json, with `path` and `files` (relative path: SHA-256)."""
    description: dict[str, object] = json.loads((folder / "model.json").read_text())
    # Without the model card: its text may be corrected without changing the model's version.
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".md")
    checksums = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
    return {**description, "path": folder.name, "files": checksums}


def main() -> None:
    parser = argparse.ArgumentParser(description="Write manifest.json for a folder of models.")
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    models = [describe(path.parent) for path in sorted(folder.glob("*/model.json"))]
    manifest = json.dumps({"models": models}, indent=2, ensure_ascii=False) + "\n"
    (folder / "manifest.json").write_text(manifest, encoding="utf-8")
    print(f"{len(models)} models in {folder / 'manifest.json'}")


if __name__ == "__main__":
    main()
