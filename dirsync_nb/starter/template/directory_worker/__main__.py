"""Run the worker: ``python -m directory_worker``, or with ``--once`` until the tables are up to date."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import sessionmaker
from workos import WorkOSClient, WorkOSError

from .config import Config, ConfigError
from .logs import failed, set_up
from .source import Source
from .tables import Base, open_database
from .transport import PoliteTransport
from .wake import serve, wake_app
from .worker import Overtaken, Worker


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; give the exit code."""
    parser = argparse.ArgumentParser(prog="directory_worker", description=__doc__)
    parser.add_argument("--once", action="store_true", help="bring the tables up to date and end")
    once: bool = parser.parse_args(arguments).once
    set_up()
    try:
        config = Config.from_environment()
        _run(config, once=once)
    except ConfigError as problem:
        print(f"directory_worker: {problem}", file=sys.stderr)  # noqa: T201
        return 2
    except (WorkOSError, SQLAlchemyError, Overtaken) as problem:
        failed("ended", problem)
        return 1
    return 0


def _run(config: Config, *, once: bool) -> None:
    transport = PoliteTransport(config.users_per_second)
    client = WorkOSClient(http_client=transport, max_retries=5)
    engine = open_database(config.database_url)
    Base.metadata.create_all(engine)
    worker = Worker(Source(client), sessionmaker(engine, expire_on_commit=False), config)
    try:
        if once:
            worker.run_once()
            return
        stop, wake = threading.Event(), threading.Event()

        def end(*_: object) -> None:
            stop.set()
            wake.set()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        if config.webhook_secret:
            serve(wake_app(client, config.webhook_secret, wake), config.webhook_port)
        worker.run(stop, wake)
    finally:
        engine.dispose()
        transport.close()


if __name__ == "__main__":
    sys.exit(main())
