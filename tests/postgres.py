"""A PostgreSQL server of the tests' own, where Debian's package is installed."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

PASSWORD = "s3cret/@:%word"


@dataclass
class Server:
    """A PostgreSQL server of the tests' own."""

    binaries: Path
    folder: Path
    port: int
    account: dict[str, str]

    def control(self, *words: str) -> None:
        subprocess.run(
            [self.binaries / "pg_ctl", "-w", "-D", self.folder / "data", *words],
            **self.account,
            cwd=self.folder,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self.control("-o", options, "-l", str(self.folder / "log"), "start")

    def kill(self) -> None:
        self.control("-m", "immediate", "stop")

    @property
    def url(self) -> str:
        return f"postgresql://reader:${{SHOP_PASSWORD}}@127.0.0.1:{self.port}/postgres"

    def execute(self, statements: str) -> None:
        where = f"host=127.0.0.1 port={self.port} user=reader dbname=postgres"
        with psycopg.connect(where, password=PASSWORD) as connection:
            connection.execute(statements)


@contextmanager
def run_server() -> Iterator[Server]:
    """Start a server on a free port; skips the test where there is none to start."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("No PostgreSQL server here: apt-get install postgresql, then run again")
    account = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    password = folder / "password"
    password.write_text(PASSWORD)
    if account:
        shutil.chown(folder, *account.values())
        shutil.chown(password, *account.values())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"-U reader -A scram-sha-256 -N -E UTF8 --locale=C.UTF-8 --pwfile={password}"
    subprocess.run(
        [found[-1], "-D", folder / "data", *options.split()],
        **account,
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    server = Server(found[-1].parent, folder, port, account)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder)
