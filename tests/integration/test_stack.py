"""The embedded stack: what is stopped, killed or started twice loses nothing and leaves nothing behind."""

import os
import signal
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import TopicPartition

from contracts.topics import BULKIO_PROGRESS, FOR_EVER, MAILBOX, TOPICS
from deploy.local.site import PROJECT
from deploy.local.stack import Stack, StackError
from deploy.local.tenure import members
from deploy.prepare import PrepareSettings, TopicDiffersError, prepare_topics
from services.runtime.settings import read_settings
from tests.kit.waiting import eventually

PLANTED = "planted-echo-1"


async def leave_a_trace(stack: Stack) -> str:
    """Writes one record and one row under a new name."""
    trace = f"trace_{uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(trace, num_partitions=1, replication_factor=1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap)
    await producer.start()
    await producer.send_and_wait(trace, trace.encode())
    await producer.stop()
    connection = await asyncpg.connect(stack.dsn)
    await connection.execute(f"CREATE TABLE {trace} (name text NOT NULL)")
    await connection.execute(f"INSERT INTO {trace} (name) VALUES ($1)", trace)
    await connection.close()
    return trace


async def find_the_trace(stack: Stack, trace: str) -> tuple[bytes | None, str]:
    consumer = AIOKafkaConsumer(trace, bootstrap_servers=stack.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    record = await consumer.getone()
    await consumer.stop()
    connection = await asyncpg.connect(stack.dsn)
    row = await connection.fetchval(f"SELECT name FROM {trace}")
    await connection.close()
    return record.value, row


async def setting_ms(stack: Stack, topic: str, name: str = "retention.ms") -> int:
    # Typed as anything: this method comes to the class through a base class that has no types.
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap)
    await admin.start()
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, {name: None})
    answers = await admin.describe_configs([resource])
    await admin.close()
    _code, _message, _kind, _name, entries = answers[0].resources[0]
    return next(int(entry[1]) for entry in entries if entry[0] == name)


def restarts(stack: Stack, part: str) -> int:
    return next(status.restarts for status in stack.status() if status.part == part)


def test_starting_twice_is_harmless(small_stack: Stack) -> None:
    before = {part.part: part.pid for part in small_stack.status()}
    small_stack.up()
    assert {part.part: part.pid for part in small_stack.status()} == before


def test_several_starts_at_once_make_one_stack(small_stack: Stack) -> None:
    small_stack.down()
    with ThreadPoolExecutor(3) as pool:
        for _ in pool.map(lambda _: small_stack.up(), range(3)):
            pass
    commands = [member.cmdline() for member in members(small_stack.site)]
    assert sum("kafka.Kafka" in command for command in commands) == 1


async def test_data_survives_a_restart_of_the_whole_stack(small_stack: Stack) -> None:
    trace = await leave_a_trace(small_stack)
    operator_key = small_stack.secret("operator.key")
    small_stack.down()
    assert not members(small_stack.site)
    small_stack.up()
    assert await find_the_trace(small_stack, trace) == (trace.encode(), trace)
    assert small_stack.secret("operator.key") == operator_key


async def test_data_survives_a_restart_of_each_server(small_stack: Stack) -> None:
    trace = await leave_a_trace(small_stack)
    before = small_stack.pid("kafka"), small_stack.pid("postgres")
    small_stack.restart_kafka()
    small_stack.restart_postgres()
    assert await find_the_trace(small_stack, trace) == (trace.encode(), trace)
    assert small_stack.pid("kafka") != before[0]
    assert small_stack.pid("postgres") != before[1]


async def test_data_survives_kill_of_each_server_and_the_supervisor_starts_it_again(
    small_stack: Stack,
) -> None:
    trace = await leave_a_trace(small_stack)
    for server in ("kafka", "postgres"):
        restarts_before = restarts(small_stack, server)
        small_stack.kill(server)
        eventually(
            lambda server=server, before=restarts_before: (
                restarts(small_stack, server) > before
                and next(part for part in small_stack.status() if part.part == server).ready
            ),
            within_s=30,
        )
    assert await find_the_trace(small_stack, trace) == (trace.encode(), trace)


def test_a_killed_role_is_started_again(small_stack: Stack) -> None:
    before = restarts(small_stack, PLANTED)
    killed = small_stack.kill(PLANTED)
    eventually(lambda: restarts(small_stack, PLANTED) > before)
    small_stack.wait_ready(PLANTED)
    assert small_stack.pid(PLANTED) != killed


def test_a_role_that_is_stopped_stays_down_until_it_is_started(small_stack: Stack) -> None:
    small_stack.stop_role(PLANTED)
    with pytest.raises(StackError, match="not running"):
        small_stack.pid(PLANTED)
    status = next(part for part in small_stack.status() if part.part == PLANTED)
    assert (status.state, status.ready, status.pid) == ("stopped", False, None)
    small_stack.start_role(PLANTED)
    small_stack.wait_ready(PLANTED)


def test_a_role_that_hangs_is_no_longer_ready_and_can_still_be_stopped(small_stack: Stack) -> None:
    small_stack.kill(PLANTED, signal.SIGSTOP)
    status = next(part for part in small_stack.status() if part.part == PLANTED)
    assert (status.state, status.ready) == ("running", False)
    small_stack.stop_role(PLANTED)
    small_stack.start_role(PLANTED)
    small_stack.wait_ready(PLANTED)


def test_status_tells_what_the_kernel_tells(small_stack: Stack) -> None:
    parts = small_stack.status()
    assert [part.part for part in parts] == ["postgres", "kafka", "planted-echo-1", "planted-echo-2"]
    for part in parts:
        assert part.ready
        assert part.pid is not None
        process = psutil.Process(part.pid)
        listening = [
            connection.laddr.port for connection in process.net_connections() if connection.status == "LISTEN"
        ]
        assert part.port in listening
        assert part.uptime_s > 0
    assert small_stack.phase() == "up"


def test_nothing_listens_beyond_loopback(small_stack: Stack) -> None:
    addresses = {
        connection.laddr.ip
        for member in members(small_stack.site)
        for connection in member.net_connections()
        if connection.status == "LISTEN"
    }
    assert addresses <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


async def test_a_killed_supervisor_leaves_no_orphan_and_the_next_start_finds_the_data(
    small_stack: Stack,
) -> None:
    trace = await leave_a_trace(small_stack)
    small_stack.kill(PLANTED, signal.SIGSTOP)
    small_stack.kill("supervisor")
    eventually(lambda: not members(small_stack.site), within_s=30)
    assert small_stack.phase() == "down"
    small_stack.up()
    assert await find_the_trace(small_stack, trace) == (trace.encode(), trace)


def test_stopping_after_the_supervisor_was_killed_leaves_nothing(small_stack: Stack) -> None:
    small_stack.kill("supervisor")
    small_stack.down()
    assert not members(small_stack.site)
    small_stack.down()
    small_stack.up()


def test_secrets_are_readable_by_their_owner_only(small_stack: Stack) -> None:
    secrets = list(small_stack.site.secrets.iterdir())
    assert len(secrets) == 6
    assert {stat.S_IMODE(secret.stat().st_mode) for secret in secrets} == {0o600}
    assert stat.S_IMODE(small_stack.site.secrets.stat().st_mode) == 0o700


def test_existing_servers_are_used_instead_of_embedded_ones(small_stack: Stack) -> None:
    guest = Stack(
        "stackguest",
        roles=small_stack.plan.roles,
        prepares=False,
        kafka_bootstrap=small_stack.bootstrap,
        postgres_dsn=small_stack.dsn,
    )
    guest.reset()
    guest.up()
    assert [part.part for part in guest.status()] == ["planted-echo-1", "planted-echo-2"]
    settings = guest.env(PLANTED)
    assert settings["POSTFACH_KAFKA_BOOTSTRAP"] == small_stack.bootstrap
    assert settings["POSTFACH_POSTGRES_DSN"] == small_stack.dsn
    guest.reset()
    assert small_stack.status()[0].ready


def test_the_servers_of_the_environment_reach_the_command_line(small_stack: Stack) -> None:
    environment = {
        **os.environ,
        "POSTFACH_KAFKA_BOOTSTRAP": small_stack.bootstrap,
        "POSTFACH_POSTGRES_DSN": small_stack.dsn,
    }
    command = [sys.executable, "-m", "deploy.local"]
    subprocess.run(
        [*command, "up", "--stack", "stackguest", "--bare"], env=environment, cwd=PROJECT, check=True
    )
    guest = Stack.running("stackguest")
    assert guest.bootstrap == small_stack.bootstrap
    assert guest.status() == []
    guest.reset()


def test_a_port_that_another_program_holds_is_named(small_stack: Stack) -> None:
    guest = Stack("stackguest", roles=(), prepares=False)
    guest.reset()
    with (
        socket.create_server(("127.0.0.1", guest.ports.postgres)),
        pytest.raises(StackError, match="is taken"),
    ):
        guest.up()
    assert small_stack.status()[0].ready
    guest.reset()


async def test_preparing_topics_again_changes_nothing_and_mends_what_was_cut_off(small_stack: Stack) -> None:
    settings = read_settings(PrepareSettings, small_stack.env())
    cut_off = MAILBOX.events.name
    admin = AIOKafkaAdminClient(bootstrap_servers=small_stack.bootstrap)
    await admin.start()
    # As if someone had made one topic by hand, with the broker's retention and without markers.
    await admin.create_topics([NewTopic(cut_off, num_partitions=settings.partitions, replication_factor=1)])
    await admin.close()

    assert await prepare_topics(settings, TOPICS) == [topic.name for topic in TOPICS if topic.name != cut_off]
    assert await prepare_topics(settings, TOPICS) == []
    assert await setting_ms(small_stack, cut_off) == FOR_EVER
    # What is kept for an hour would stay for a week in a segment that is open for so long.
    assert await setting_ms(small_stack, BULKIO_PROGRESS.name, "segment.ms") == BULKIO_PROGRESS.retention_ms

    partitions = [
        TopicPartition(topic.name, number) for topic in TOPICS for number in range(settings.partitions)
    ]
    consumer = AIOKafkaConsumer(bootstrap_servers=small_stack.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign(partitions)
    assert set((await consumer.end_offsets(partitions)).values()) == {1}
    markers = {
        TopicPartition(record.topic, record.partition): record
        for record in [await consumer.getone() for _ in partitions]
    }
    await consumer.stop()
    assert set(markers) == set(partitions)
    assert {(record.offset, record.key, record.value) for record in markers.values()} == {(0, None, None)}


async def test_a_topic_with_another_number_of_partitions_is_refused(small_stack: Stack) -> None:
    settings = read_settings(PrepareSettings, {**small_stack.env(), "POSTFACH_PARTITIONS": "9"})
    await prepare_topics(read_settings(PrepareSettings, small_stack.env()), TOPICS)
    with pytest.raises(TopicDiffersError):
        await prepare_topics(settings, TOPICS)


def test_preparing_everything_again_changes_nothing(small_stack: Stack) -> None:
    def prepare() -> str:
        command = [sys.executable, "-m", "deploy.prepare"]
        environment = {**os.environ, **small_stack.env()}
        return subprocess.run(
            command, env=environment, cwd=PROJECT, check=True, capture_output=True, text=True
        ).stdout

    prepare()
    assert prepare().strip() == "topics made: none; migrations applied: none"


def test_a_reset_deletes_the_data(small_stack: Stack) -> None:
    operator_key = small_stack.secret("operator.key")
    small_stack.reset()
    assert not small_stack.site.folder.exists()
    small_stack.up()
    assert small_stack.secret("operator.key") != operator_key
