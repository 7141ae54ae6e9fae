"""The oracle from the command line: `python -m tests.oracle --stack run`. Exit code 1 when anything is wrong."""

import asyncio
import os
from typing import Annotated

import typer

from tests.oracle.checking import Where, check

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    stack: Annotated[
        str | None, typer.Option(help="A stack of deploy.local, else POSTFACH_* settings.")
    ] = None,
    canary: Annotated[
        list[str] | None, typer.Option(help="A secret that must be nowhere; may be repeated.")
    ] = None,
    allow_pending: Annotated[bool, typer.Option(help="Commands may still wait for their outcome.")] = False,
    watch: Annotated[float, typer.Option(help="Seconds to watch checkpoints for going back.")] = 0.0,
) -> None:
    """Read the whole log and say whether the invariants of the system hold."""
    findings = asyncio.run(
        check(_where(stack), canaries=canary or [], allow_pending=allow_pending, watch_s=watch)
    )
    typer.echo(findings.report())
    raise typer.Exit(0 if findings.content else 1)


def _where(stack: str | None) -> Where:
    if stack is None:
        return Where(os.environ["POSTFACH_KAFKA_BOOTSTRAP"], os.environ.get("POSTFACH_POSTGRES_DSN"))
    # Not needed for servers of one's own, where deploy.local may not be installed.
    from deploy.local.stack import Stack

    running = Stack.running(stack)
    return Where(running.bootstrap, running.dsn, running.site.folder)


if __name__ == "__main__":
    app()
