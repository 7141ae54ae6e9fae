"""Sending a command: its outcome, a late one, and a broker that does not take it. The log is a fake that obeys."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError

from contracts.codec import decode_command_header, encode
from contracts.envelope import CommandEnvelope
from contracts.ids import CommandId, TenantId
from contracts.outcome import Outcome
from services.runtime.kafka.commands import CommandClient, OutcomePending
from services.runtime.lifecycle import StrayCancellation
from tests.kit.toy import NOON, Add, a_record, an_order, toy_family

FAMILY = toy_family()


class Log:
    """Producer and listener in one: what is sent is taken at once or fails, and outcomes come when they are told."""

    def __init__(self) -> None:
        self.fault: KafkaError | None = None
        self.refused_for_want_of_room = 0
        self.answers = False
        self.gives_up = False
        self.listening: asyncio.Future[bytes]
        self._told: asyncio.Queue[bytes] = asyncio.Queue()

    async def send(self, _topic: str, *, value: bytes, **_record: Any) -> "asyncio.Future[None]":
        if self.refused_for_want_of_room:
            self.refused_for_want_of_room -= 1
            raise KafkaTimeoutError
        if self.answers:
            self.tell(decode_command_header(value).id)
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.gives_up:
            taken.cancel()
        elif self.fault is None:
            taken.set_result(None)
        else:
            taken.set_exception(self.fault)
        return taken

    async def getmany(self, **_limits: int) -> dict[str, list[Any]]:
        self.listening = asyncio.ensure_future(self._told.get())
        return {"outcomes": [a_record(await self.listening)]}

    def fall_silent(self) -> None:
        """Cancel what the listener waits for, as the driver does when it loses its coordinator."""
        self.listening.cancel()

    def tell(self, command: CommandId) -> None:
        outcome = Outcome(
            command=command, tenant=TenantId("t"), stream="b1", correlation="c", subject="a", status="accepted",
            decided_at=NOON, streamseq=1, version=1,
        )  # fmt: skip
        self._told.put_nowait(encode(outcome))


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def client(log: Log) -> AsyncGenerator[CommandClient]:
    everything: Any = log
    client = CommandClient(everything, everything, partitions=8)
    listening = asyncio.create_task(client.listen())
    yield client
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert not client._waiting, "nobody is left waiting"


def add() -> CommandEnvelope[Any]:
    return an_order(Add(account="a", amount=1))


async def test_a_command_gets_its_own_outcome(client: CommandClient, log: Log) -> None:
    first, second = add(), add()
    sending = [asyncio.create_task(client.send(FAMILY, each)) for each in (first, second)]
    log.tell(second.id)
    log.tell(first.id)
    assert [(await each).command for each in sending] == [first.id, second.id]


async def test_whoever_sends_the_same_command_twice_at_once_gets_the_outcome_twice(
    client: CommandClient, log: Log
) -> None:
    order = add()
    sending = [asyncio.create_task(client.send(FAMILY, order)) for _ in range(2)]
    await asyncio.sleep(0)
    log.tell(order.id)
    assert [(await each).command for each in sending] == [order.id, order.id]


async def test_an_outcome_that_does_not_come_in_time_is_pending(client: CommandClient) -> None:
    with pytest.raises(OutcomePending):
        await client.send(FAMILY, add(), within_s=0.01)


async def test_a_command_that_the_broker_does_not_take_fails_at_once(client: CommandClient, log: Log) -> None:
    log.fault = KafkaConnectionError()
    with pytest.raises(KafkaConnectionError):
        await client.send(FAMILY, add(), within_s=3_600)


async def test_a_command_that_the_driver_gives_up_is_pending(client: CommandClient, log: Log) -> None:
    log.gives_up = True
    with pytest.raises(OutcomePending):
        await client.send(FAMILY, add(), within_s=3_600)


async def test_a_listener_that_the_driver_cancels_is_told_of_and_not_waited_for(
    client: CommandClient, log: Log
) -> None:
    sending = asyncio.create_task(client.send(FAMILY, add(), within_s=3_600))
    await asyncio.sleep(0)
    assert client.trouble() is None
    log.fall_silent()
    with pytest.raises(StrayCancellation):
        await sending
    assert client.trouble() is not None


async def test_a_command_for_which_there_is_no_room_is_pending(client: CommandClient, log: Log) -> None:
    log.refused_for_want_of_room = 1
    with pytest.raises(OutcomePending):
        await client.send(FAMILY, add())


async def test_whoever_needs_an_outcome_sends_again_until_there_is_one(
    client: CommandClient, log: Log
) -> None:
    log.refused_for_want_of_room, log.answers = 2, True
    order = add()
    assert (await client.send_until_answered(FAMILY, order)).command == order.id
    assert log.refused_for_want_of_room == 0
