"""A password of an import is in the vault as a hash, and nowhere else."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.topics import TOPICS
from deploy.local.roles import PARTITIONS
from deploy.local.stack import Stack
from tests.kit import workbooks
from tests.kit.bulk_api import a_customer
from tests.kit.waiting import eventually

SWEPT_S = 60.0


@pytest.mark.timeout(300)
def test_a_canary_password_is_found_nowhere(stack: Stack) -> None:
    canary = f"canary-{uuid4().hex}"
    blobs = Path(urlsplit(stack.blobs_url).path)
    uploads = _uploads(blobs)
    with a_customer(stack) as customer:
        rows = [
            (f"ina@{customer.domain}", canary, "note"),
            (f"bob@{customer.domain}", canary + "x" * 128, "too long a password"),
            ("no address", canary, "bad row"),
        ]
        planned = customer.imported(workbooks.filled(rows), bad_rows="skip", dry_run="true")
        for file in ("plan", "plan/file"):
            answer = customer.http.get(f"/v1/imports/{planned['job_id']}/{file}")
            assert answer.is_success
            parts = workbooks.parts(answer.content).values() if file == "plan/file" else [answer.content]
            assert not any(canary.encode() in part for part in parts)
        order = {"plan_hash": planned["plan_hash"]}
        operation = customer.post(f"/v1/imports/{planned['job_id']}:apply", json=order)
        job = customer.ended("imports", operation["name"].removeprefix("operations/"))
        assert (job["state"], job["created"]) == ("finished", 1)
        for file in ("problems", "result"):
            answer = customer.http.get(f"/v1/imports/{job['job_id']}/{file}")
            assert answer.is_success
            parts = workbooks.parts(answer.content).values() if file == "result" else [answer.content]
            assert not any(canary.encode() in part for part in parts)
        _, exported = customer.exported(format="csv", columns=["email", "note", "status"])
        assert canary.encode() not in exported
    found = [*asyncio.run(_in_topics(stack, canary.encode())), *asyncio.run(_in_tables(stack, canary))]
    found += _in_files(blobs, canary.encode())
    found += _in_files(stack.log_file("bulkio-reactor").parent, canary.encode())
    assert found == []
    for each in (planned, job):
        rows_left = (blobs / "imports" / each["job_id"] / "rows").rglob("*")
        assert not [path for path in rows_left if path.is_file()]
    # That of the dry run goes by the next sweep, now that its plan is applied.
    assert eventually(lambda: not _uploads(blobs) - uploads, SWEPT_S)


def _uploads(blobs: Path) -> set[Path]:
    return {path for path in (blobs / "uploads").rglob("*") if path.is_file()}


async def _in_topics(stack: Stack, canary: bytes) -> list[str]:
    found: list[str] = []
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.bootstrap, auto_offset_reset="earliest")
    async with consumer:
        for topic in TOPICS:
            partitions = [TopicPartition(topic.name, number) for number in range(PARTITIONS)]
            ends = await consumer.end_offsets(partitions)
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            while [each for each in partitions if await consumer.position(each) < ends[each]]:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [topic.name for record in records if canary in (record.value or b"")]
    return found


async def _in_tables(stack: Stack, canary: str) -> list[str]:
    connection = await asyncpg.connect(stack.dsn)
    try:
        tables = await connection.fetch(
            """
            SELECT schemaname, tablename FROM pg_tables
            WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
            """
        )
        found = [
            f"{table['schemaname']}.{table['tablename']}"
            for table in tables
            if await connection.fetchval(
                f'SELECT 1 FROM "{table["schemaname"]}"."{table["tablename"]}" AS t '
                "WHERE position($1 IN t::text) > 0 LIMIT 1",
                canary,
            )
        ]
    finally:
        await connection.close()
    return found


def _in_files(folder: Path, canary: bytes) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and canary in path.read_bytes()]
