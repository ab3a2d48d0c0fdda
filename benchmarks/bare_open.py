"""Import click and SQLAlchemy, and open a store: `python bare_open.py FILE`."""

import sys

import click  # noqa: F401  # a command line has it
import sqlalchemy as sa

engine = sa.create_engine(f"sqlite:///{sys.argv[1]}")
with engine.connect() as conn:
    print(conn.execute(sa.text("SELECT count(*) FROM accounts")).scalar())
engine.dispose()
