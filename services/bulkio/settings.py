"""The settings of bulkio, all with defaults for two cores."""

from typing import Annotated

from msgspec import Meta

from contracts.bulkio import PLAN_HOURS_MAX
from services.bulkio.sheet import ReaderLimits
from services.runtime.settings import RuntimeSettings


class BulkioSettings(RuntimeSettings, frozen=True, kw_only=True):
    """Limits of one uploaded file, of the work at once, and how long results are kept.

    `bulkio_commands_in_flight` bounds the commands of all jobs of a process that wait for their outcome; tenants share
    it. `import_commands_in_flight` bounds those of one import. Rows with passwords are bounded lower, by
    `passwords_in_flight`: each holds a password in memory, and a cancelled import still ends them.
    `bulk_action_commands_in_flight` bounds those of one bulk action. `large` limits are those of imports that the gateway
    let be large. A dry run's plan can be applied for `import_plan_hours`; its file is kept for that. `scratch_folder` is where files are written before they are sealed; empty is the system's own.
    """

    import_rows_max: int = 5_000
    import_unzipped_bytes_max: int = 20_000_000
    import_reader_memory_bytes_max: int = 512 * 1024 * 1024
    import_reader_cpu_s: int = 10
    import_reader_wall_s: float = 20.0
    import_rows_large_max: int = 1_000_000
    import_unzipped_bytes_large_max: int = 1_000_000_000
    import_reader_memory_bytes_large_max: int = 384 * 1024 * 1024
    import_reader_cpu_large_s: int = 300
    bulkio_jobs_at_once: int = 4
    bulkio_commands_in_flight: int = 1_000
    import_commands_in_flight: int = 1_000
    import_passwords_in_flight: int = 256
    import_rows_per_report: int = 500
    import_rows_per_report_large: int = 5_000
    import_report_interval_s: float = 2.0
    import_plan_hours: Annotated[int, Meta(ge=1, le=PLAN_HOURS_MAX)] = 24
    bulk_action_commands_in_flight: int = 250
    bulkio_sweep_interval_s: float = 3.0
    scratch_folder: str = ""

    def reader_limits(self, *, large: bool) -> ReaderLimits:
        """Give what the reader of one file may cost."""
        return ReaderLimits(
            rows_max=self.import_rows_large_max if large else self.import_rows_max,
            unzipped_bytes_max=self.import_unzipped_bytes_large_max
            if large
            else self.import_unzipped_bytes_max,
            memory_bytes_max=(
                self.import_reader_memory_bytes_large_max if large else self.import_reader_memory_bytes_max
            ),
            cpu_s=self.import_reader_cpu_large_s if large else self.import_reader_cpu_s,
            wall_s=self.import_reader_wall_s,
        )
