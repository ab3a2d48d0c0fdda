"""A minimal click program."""

import click


@click.command()
@click.version_option("1", prog_name="bare")
def bare() -> None:
    """Do nothing."""


bare()
