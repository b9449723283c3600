"""Install wheels with uv, which downloads side by side: seconds, where pip takes a minute. pip stays the fallback.

uv reads none of pip's settings. They are translated, so that a course behind a mirror asks the mirror; where pip is
set up in a way that has no translation here, uv is not used.
"""

import ast
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

_SETTING = re.compile(r"^([\w:-]+)\.([\w-]+)=(.*)$", re.MULTILINE)
# The sections that `pip install` reads. Where several have a setting, the last one counts; pip lists them by name.
_SECTIONS = ("global", "install", ":env:")
_VARIABLE_OF = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "no-cache-dir": "UV_NO_CACHE",
    "no-index": "UV_NO_INDEX",
}
# Settings that change nothing about which file is installed, and where from.
_WITHOUT_EFFECT = {
    "cache-dir", "config-file", "constraint", "default-timeout", "disable-pip-version-check", "no-compile", "no-input",
    "no-warn-script-location", "progress-bar", "quiet", "require-virtualenv", "retries", "root-user-action", "timeout",
    "verbose",
}  # fmt: skip


def install(requirements: str, log: Path) -> bool:
    """Install the locked `requirements` as `pip.install` does, from wheels alone. False when uv cannot."""
    uv = Path(sysconfig.get_path("scripts"), "uv")
    if not uv.exists():
        return False
    said = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True)
    variables = variables_for(said.stdout)
    if said.returncode or variables is None:
        return False
    file = log.with_suffix(".txt")
    file.write_text(requirements)
    with log.open("a") as output:
        command = [
            # Copies, because a hard link would let a later change of the installed file reach uv's cache.
            str(uv), "--no-config", "pip", "install", "--python", sys.executable, "--link-mode", "copy",
            "--no-deps", "--require-hashes", "--reinstall", "--only-binary", ":all:", "-r", str(file),
        ]  # fmt: skip
        run = subprocess.run(command, stdout=output, stderr=output, env={**os.environ, **variables})
    return run.returncode == 0


def variables_for(settings: str) -> Mapping[str, str] | None:
    """The environment that tells uv what `pip config list` printed as pip's settings; None when that cannot be.

    A file that several indexes offer is the same one for us, since its hash is locked: uv may take it from any.
    """
    variables = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    read = [setting for setting in _SETTING.findall(settings) if setting[0] in _SECTIONS]
    for _, name, written in sorted(read, key=lambda setting: _SECTIONS.index(setting[0])):
        if name in _WITHOUT_EFFECT:
            continue
        if name not in _VARIABLE_OF:
            return None
        value = str(ast.literal_eval(written))
        separator = "," if name == "find-links" else " "
        variables[_VARIABLE_OF[name]] = separator.join(value.split())
    return variables
