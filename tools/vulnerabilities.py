"""Look up known vulnerabilities of locked dependencies: `python tools/vulnerabilities.py requirements.lock`.

Exits with 1 if there is one. Where the service of PyPI cannot be reached, it prints this, and exits with 0.
"""

import json
import subprocess
import sys
import urllib.request
from urllib.error import URLError

SERVICE = "https://pypi.org/pypi/pip/25.0/json"
SECONDS = 10


def is_reachable() -> bool:
    """Whether the service answers for one version, as it must for each; a mirror of archives alone does not."""
    try:
        with urllib.request.urlopen(SERVICE, timeout=SECONDS) as answer:
            return "vulnerabilities" in json.load(answer)
    except (URLError, OSError, ValueError):
        return False


def main(lock: str) -> int:
    """Audit the lock and return the exit code."""
    if not is_reachable():
        sys.stdout.write("Vulnerabilities were not looked up: the service of PyPI cannot be reached from here.\n")
        return 0
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--progress-spinner",
        "off",
        "--disable-pip",
        "--require-hashes",
        "--requirement",
        lock,
    ]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own command


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
