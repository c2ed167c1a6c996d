"""Run the worker: ``python -m directory_worker``, or with ``--once`` until the tables are up to date."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import sessionmaker
from workos import WorkOSClient, WorkOSError

from .accounts import Keeper, TableRefused, TooManyOff, open_accounts
from .config import Config, ConfigError
from .health import Health
from .logs import failed, set_up
from .mapping import ACCOUNTS
from .source import Source
from .tables import make_tables, open_database
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
    except (WorkOSError, SQLAlchemyError, Overtaken, TableRefused, TooManyOff) as problem:
        failed("ended", problem)
        if isinstance(problem, TableRefused | TooManyOff):
            print(f"directory_worker: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _run(config: Config, *, once: bool) -> None:
    transport = PoliteTransport(config.users_per_second)
    client = WorkOSClient(http_client=transport, max_retries=5)
    engine = open_database(config.database_url)
    sessions = sessionmaker(engine, expire_on_commit=False)
    app_engine = None
    try:
        keeper = None
        if ACCOUNTS is not None:
            if not config.app_database_url:
                raise ConfigError(f"APP_DATABASE_URL is not set: the database of {ACCOUNTS.table.fullname}")
            app_engine = open_database(config.app_database_url)
            open_accounts(ACCOUNTS, app_engine)
            keeper = Keeper(ACCOUNTS, app_engine, config)
        make_tables(engine)
        worker = Worker(Source(client), sessions, config, keeper=keeper, pulse=transport.pulse)
        if once:
            worker.run_once()
            return
        stop, wake = threading.Event(), threading.Event()

        def end(*_: object) -> None:
            stop.set()
            wake.set()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        if config.serves:
            health = Health(transport.pulse, sessions, timedelta(minutes=config.healthy_minutes))
            serve(wake_app(client, config.webhook_secret, wake, health), config.webhook_port)
        worker.run(stop, wake)
    finally:
        engine.dispose()
        if app_engine is not None:
            app_engine.dispose()
        transport.close()


if __name__ == "__main__":
    sys.exit(main())
