"""A checkout in miniature that the real launcher sets up and starts, with no network and no apt."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

MAIN = """
import json, os, sys
import tiny
print(json.dumps({
    "arguments": sys.argv[1:], "prefix": sys.prefix, "cwd": os.getcwd(), "tiny": tiny.VALUE,
    "bytecode": not sys.dont_write_bytecode, "user": os.environ.get("PYTHONNOUSERSITE"),
}))
"""


@dataclass
class Checkout:
    """A folder with the launcher, a package that prints how it was called, and one pinned wheel."""

    root: Path
    cache: Path
    tools: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def launcher(self) -> Path:
        return self.root / "medvision"

    @property
    def environments(self) -> list[Path]:
        return sorted(path for path in (self.cache / "medvision").glob("env-*") if path.is_dir())

    def start(
        self, *arguments: str, cwd: Path | None = None, **changes: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.launcher), *arguments],
            cwd=cwd or self.root.parent,
            env={**self.environment, **changes},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.launcher), *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def checkout(folder: Path) -> Checkout:
    """Make one. `python3.13`, asked for first, is this Python; `apt-get` only notes its calls."""
    root, tools = folder / "repository", folder / "tools"
    shutil.copytree(
        REPOSITORY / "packaging", root / "packaging", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy2(REPOSITORY / "medvision", root / "medvision")
    (root / "medvision_desktop").mkdir()
    (root / "medvision_desktop" / "__init__.py").write_text("")
    (root / "medvision_desktop" / "__main__.py").write_text(MAIN)
    (root / "packaging" / "constraints.txt").write_text("# one package\ntiny==1.0\n")
    wheels = folder / "wheels"
    wheels.mkdir()
    wheel(wheels)
    tools.mkdir()
    (tools / "python3.13").symlink_to(sys.executable)
    tool(tools, "apt-get", f'echo "$@" >> {folder}/apt.log\nexit 1')
    # A machine with fonts, so that nothing is said about them.
    fonts = folder / "home" / ".fonts"
    fonts.mkdir(parents=True)
    for name in ("DejaVuSans.ttf", "NotoSansCJK.ttc"):
        (fonts / name).write_text("")
    environment = {
        "PATH": f"{tools}:/usr/bin:/bin",
        "HOME": str(folder / "home"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_CONFIG_FILE": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return Checkout(root, folder / "cache", tools, environment)


def tool(folder: Path, name: str, script: str) -> Path:
    """An executable shell script."""
    path = folder / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def wheel(folder: Path, name: str = "tiny", version: str = "1.0") -> Path:
    """A wheel with one module."""
    about = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VALUE = {version!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(content)}")
    record = f"{about}/RECORD"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, content in files.items():
            archive.writestr(inner, content)
        archive.writestr(record, "\n".join([*lines, f"{record},,"]) + "\n")
    return path
