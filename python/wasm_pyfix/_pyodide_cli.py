"""`pyodide fix` is the program. This is loaded by the command `pyodide` alone, which is made with click."""

import sys
from typing import Tuple

import click

from ._program import replace


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True},
    short_help="Upgrade wheels for the runtimes of today (wasm-pyfix).",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def fix(arguments: Tuple[str, ...]) -> None:
    """Upgrades wheels with wasm-pyfix."""
    sys.exit(replace(arguments))
