"""How much processor time the parts of a stack spend, and how much memory they needed at most.

On a machine that others use too, the time on the clock says little; processor time is nearly the same with and without
them. What all parts together spend for one row says how many rows a second so many cores can bear.
"""

from pathlib import Path

import psutil

from deploy.local.stack import Stack

MEBIBYTE = 1024 * 1024


def processor_seconds(stack: Stack) -> dict[str, float]:
    """Give the processor time of each part until now, with that of its children, also of those that have ended."""
    return {part.part: _seconds(part.pid) for part in stack.status() if part.pid is not None}


def _seconds(pid: int) -> float:
    """Children that have ended are in their parent's account once it has waited for them."""
    total = 0.0
    process = psutil.Process(pid)
    for each in (process, *process.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def peak_mebibytes(pid: int) -> float:
    """Give the most memory that a process has had in use until now; 0.0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except FileNotFoundError:
        return 0.0
    lines = dict(line.split(":", 1) for line in status.splitlines())
    # A process that has just ended has a status without sizes.
    return int(lines.get("VmHWM", "0 kB").split()[0]) * 1024 / MEBIBYTE


def child_pids(stack: Stack, part: str) -> list[int]:
    """Give the processes that a part runs besides itself."""
    return [child.pid for child in psutil.Process(stack.pid(part)).children(recursive=True)]
