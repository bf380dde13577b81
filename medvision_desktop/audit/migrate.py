"""Brings a record from any released schema to the newest, inside the caller's transaction."""

from __future__ import annotations

import logging
from pathlib import Path

import sqlalchemy as sa

from medvision_desktop.audit import schema
from medvision_desktop.errors import RecordDamaged, StoreUnavailable


def check(connection: sa.Connection) -> int:
    """The schema version of this file; 0 for an empty one. Refuses files that are not ours."""
    application = int(connection.exec_driver_sql("PRAGMA application_id").scalar_one())
    version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    tables = int(connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one())
    if tables == 0 and application == 0:
        return 0
    if application != schema.APPLICATION_ID:
        raise RecordDamaged(
            "This file is not a record of this program.",
            "It is a database that something else made.",
            "Choose another data folder with --data-dir.",
        )
    if version > schema.SCHEMA_VERSION:
        raise StoreUnavailable(
            "The record was made by a newer version of this program.",
            f"Its schema is {version}; this version knows {schema.SCHEMA_VERSION}.",
            "Update the program.",
        )
    return version


def upgrade(connection: sa.Connection) -> None:
    """Run the revisions that are missing. A second program that did so meanwhile is noticed."""
    if check(connection) >= schema.SCHEMA_VERSION:
        return
    # What it says while it loads its parts is of no use in our logs.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic import command
    from alembic.config import Config

    config = Config()
    # A percent sign in the path would be read as interpolation by the configuration parser.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.exec_driver_sql(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {schema.SCHEMA_VERSION}")
