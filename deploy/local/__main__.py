"""The command line of the embedded stack: `python -m deploy.local up|down|reset|restart|status|logs|clock|supervise`."""

import os
import time
from typing import Annotated

import typer

from deploy.local.logs import show_logs
from deploy.local.site import Site
from deploy.local.stack import Stack, StackError
from deploy.local.tenure import HELD_BY_ANOTHER, AlreadyHeldError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

StackName = Annotated[str, typer.Option("--stack", help="Which stack: run, test, bench.")]


def _stack(name: str) -> Stack:
    try:
        return Stack.running(name)
    except FileNotFoundError:
        return Stack(name)


@app.command()
def up(
    stack: StackName = "run",
    bare: Annotated[
        bool, typer.Option(help="Kafka and PostgreSQL only: no topics, tables or roles.")
    ] = False,
) -> None:
    """Start everything that is not running, and wait until it is ready."""
    began = time.monotonic()
    kafka_bootstrap = os.environ.get("POSTFACH_KAFKA_BOOTSTRAP")
    postgres_dsn = os.environ.get("POSTFACH_POSTGRES_DSN")
    if bare:
        target = Stack(
            stack, roles=(), prepares=False, kafka_bootstrap=kafka_bootstrap, postgres_dsn=postgres_dsn
        )
    else:
        target = Stack(stack, kafka_bootstrap=kafka_bootstrap, postgres_dsn=postgres_dsn)
    try:
        target.up()
    except StackError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"Stack {stack} is up after {time.monotonic() - began:.1f} s.")
    if not bare:
        typer.echo(f"Console and API:   {target.url}")
        typer.echo(f"Sign-in, operator: {target.secret('operator.key')}")


@app.command()
def down(stack: StackName = "run") -> None:
    """Stop everything; data stays."""
    _stack(stack).down()
    typer.echo(f"Stack {stack} is down.")


@app.command()
def reset(stack: StackName = "run") -> None:
    """Stop everything and delete this stack's data."""
    _stack(stack).reset()
    typer.echo(f"Stack {stack} is down and its data deleted.")


@app.command()
def restart(stack: StackName = "run") -> None:
    """Apply new topics and migrations, and start all roles anew with the code as it is now."""
    _stack(stack).restart_roles()
    typer.echo(f"The roles of stack {stack} are up again.")


@app.command()
def status(stack: StackName = "run") -> None:
    """A table of all parts; exit code 1 unless all are ready."""
    target = _stack(stack)
    parts = target.status()
    typer.echo(f"Stack {stack}: {target.phase()}")
    if not parts:
        raise typer.Exit(1)
    _tell_shift(target.site)
    typer.echo(f"{'part':<22}{'pid':>8}  {'state':<10}{'ready':<7}{'uptime':>9}{'restarts':>10}{'port':>8}")
    for part in parts:
        typer.echo(
            f"{part.part:<22}{part.pid or '-':>8}  {part.state:<10}{'yes' if part.ready else 'no':<7}"
            f"{part.uptime_s:>8.0f}s{part.restarts:>10}{part.port or '-':>8}"
        )
    if not all(part.ready for part in parts):
        raise typer.Exit(1)


@app.command()
def logs(
    stack: StackName = "run",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines.")] = False,
    role: Annotated[str | None, typer.Option(help="One part only, such as mailbox-writer or kafka.")] = None,
    lines: Annotated[int, typer.Option(help="How many of the latest lines of each part.")] = 200,
) -> None:
    """All logs merged by time."""
    show_logs(Site.of(stack), role=role, lines=lines, follow=follow)


@app.command()
def clock(
    stack: StackName = "run",
    forward: Annotated[
        str | None,
        typer.Option(help="By how much, such as 365d, 36h, 90m or 5s. Only `reset` brings the clock back."),
    ] = None,
) -> None:
    """The time machine, for demonstration only: move the clock of a stack forward, or say how far ahead it is.

    Deadlines that lie in between are over at once. No way leads back: times never decrease within a stream of the log.
    """
    from deploy.local import time_machine

    site = Site.of(stack)
    if forward is not None:
        try:
            time_machine.forward(site, time_machine.span(forward))
        except time_machine.TimeMachineError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
    if not _tell_shift(site):
        typer.echo(f"The clock of stack {stack} is this machine's.")


def _tell_shift(site: Site) -> bool:
    from deploy.local import time_machine

    try:
        shift = time_machine.ahead(site)
    except time_machine.TimeMachineError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if shift:
        typer.echo(f"The clock of stack {site.name} is SHIFTED for demonstration: {shift} ahead.")
    return bool(shift)


@app.command()
def supervise(stack: StackName = "run") -> None:
    """Run the supervisor in the foreground; `up` does the same in the background."""
    # Drivers are imported by the supervisor only, so that the other commands start at once.
    from deploy.local.supervisor import supervise as run_supervisor

    try:
        run_supervisor(Site.of(stack))
    except AlreadyHeldError:
        typer.echo(f"Stack {stack} has a supervisor already.", err=True)
        raise typer.Exit(HELD_BY_ANOTHER) from None


if __name__ == "__main__":
    app()
