"""A LangGraph server on the loopback interface, with the wheel of this package, and clients of it."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen
from zipfile import ZipFile

from langgraph_sdk import get_sync_client

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "langgraph_server"
USERS = ("agent", "domain_reviewer", "senior_manager")


class Server(NamedTuple):
    """A running server, the store behind it, and the file with what it printed."""

    url: str
    store: str
    log: Path
    clients: dict[str | None, Any]

    def client(self, user: str | None) -> Any:
        """The official client of a user."""
        return self.clients[user]


def client_of(url: str, user: str | None) -> Any:
    return get_sync_client(url=url, api_key=None, headers=headers_of(user))


def headers_of(user: str | None) -> dict[str, str]:
    return {} if user is None else {"Authorization": f"Bearer token of {user}"}


def unpacked_wheel(folder: Path) -> Path:
    """Build the wheel, and unpack it into a folder."""
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", build, str(folder)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    ZipFile(folder / done.stdout.split()[-1]).extractall(folder / "wheel")
    return folder / "wheel"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def langgraph_dev(folder: Path) -> Iterator[Server]:
    """Run the example of a server in a folder, until the context ends."""
    shutil.copytree(EXAMPLE, folder / "server")
    port, log, store = free_port(), folder / "log", f"sqlite:///{folder / 'hitl.db'}"
    environment = {
        **os.environ,
        "HITL_STORE": store,
        "LANGSMITH_TRACING": "false",
        "PYTHONPATH": str(unpacked_wheel(folder)),
        "SERVER_TOKENS": json.dumps({user: f"token of {user}" for user in USERS}),
    }
    command = [
        str(Path(sys.executable).with_name("langgraph")),
        "dev",
        "--no-browser",
        "--no-reload",
        "--port",
        str(port),
    ]
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command,
            cwd=folder / "server",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            clients = {
                user: get_sync_client(url=url, api_key=None, headers=headers_of(user)) for user in (*USERS, None)
            }
            server = Server(url, store, log, clients)
            while not is_up(server.url):
                assert process.poll() is None, log.read_text()
            yield server
            for client in server.clients.values():
                client.close()
        finally:
            process.terminate()


def is_up(url: str) -> bool:
    try:
        with urlopen(f"{url}/ok", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False
