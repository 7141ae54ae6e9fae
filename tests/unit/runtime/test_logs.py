"""What libraries log comes through ours, and the same sentence at most once in a while."""

import logging

import pytest
from structlog.testing import capture_logs

from services.runtime import logs


def test_a_sentence_said_again_and_again_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr(logs.time, "monotonic", lambda: now_s)
    driver = logging.getLogger("a.driver")
    monkeypatch.setattr(driver, "handlers", [logs.LibraryLogs()])
    with capture_logs() as told:
        for node in range(5):
            driver.warning("no connection to node %s", node)
        driver.warning("something else")
        now_s += logs.SAME_EVERY_S
        driver.warning("no connection to node %s", 9)
    assert [(line["event"], line.get("left_out")) for line in told] == [
        ("no connection to node 0", None),
        ("something else", None),
        ("no connection to node 9", 4),
    ]
