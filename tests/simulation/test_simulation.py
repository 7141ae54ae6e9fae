"""Many lives of the system, each under its own seed: whatever goes wrong in whatever order, the invariants hold.

A failing seed is printed; `POSTFACH_SEED=<seed> pytest tests/simulation` lives that life again, step by step the same.
"""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest
from structlog.testing import capture_logs

from contracts.codec import decode_any_event, decode_outcome
from tests.simulation.log import TopicName
from tests.simulation.loops import Sabotage
from tests.simulation.world import World

SEEDS: Final = int(os.environ.get("POSTFACH_SEEDS", "600"))
SEEDS_TO_SEE_SABOTAGE_MAX: Final = 300


def lived(seed: int, sabotage: Sabotage = Sabotage.NOTHING) -> World:
    world = World(seed, sabotage)
    world.live()
    return world


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


def seeds() -> range:
    only = os.environ.get("POSTFACH_SEED")
    return range(SEEDS) if only is None else range(int(only), int(only) + 1)


def test_nothing_is_lost_or_doubled_whatever_goes_wrong() -> None:
    for seed in seeds():
        findings = lived(seed).judge()
        assert findings.content, f"seed {seed} (POSTFACH_SEED={seed} lives it again)\n{findings.report()}"


def test_the_same_seed_lives_the_same_life() -> None:
    one, other = lived(7).log, lived(7).log
    assert [entry.record.value for entry in one.topics[TopicName.EVENTS]] == [
        entry.record.value for entry in other.topics[TopicName.EVENTS]
    ]


def test_the_lives_are_eventful() -> None:
    """Else a simulator in which every command is refused would be content, too."""
    kinds: Counter[str] = Counter()
    for seed in range(250):
        log = lived(seed).log
        kinds.update(entry.transaction.state for entry in log.topics[TopicName.EVENTS])
        kinds.update(decode_any_event(record.value or b"").type for record in log.committed(TopicName.EVENTS))
        kinds.update(
            str(decode_outcome(record.value or b"").code) for record in log.committed(TopicName.OUTCOMES)
        )
        kinds["repeated"] += sum(
            decode_outcome(record.value or b"").repeated for record in log.committed(TopicName.OUTCOMES)
        )
        kinds["owners"] += log.epoch
    for kind in (
        "aborted",
        "repeated",
        "mailbox_created",
        "mailbox_deleted",
        "mailbox_restored",
        "mailbox_purged",
        "mailbox_cleaned",
        "domain_removed",
        "domain_closing",
        "domain_suspended_with_tenant",
        "paid_group_followed",
        "rule_added",
        "rule_dropped",
        "rule_restored",
        "rule_removed",
        "alias_added",
        "catch_all_enabled",
        "catch_all_disabled",
        "mailbox_is_target",
        "version_mismatch",
        "address_taken",
        "mailbox_limit_reached",
    ):
        assert kinds[kind] >= 5, f"{kind}: {kinds[kind]}"
    assert kinds["owners"] > 200


@pytest.mark.parametrize("sabotage", [each for each in Sabotage if each is not Sabotage.NOTHING])
def test_a_loop_that_leaves_out_one_of_its_lines_is_found_out(sabotage: Sabotage) -> None:
    assert any(not lived(seed, sabotage).judge().content for seed in range(SEEDS_TO_SEE_SABOTAGE_MAX))
