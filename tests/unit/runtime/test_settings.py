"""Settings from the environment, and what a role says when one is missing."""

import pytest

from services.runtime.settings import RuntimeSettings, SettingsError, read_settings

COMPLETE = {
    "POSTFACH_KAFKA_BOOTSTRAP": "kafka:9092",
    "POSTFACH_POSTGRES_DSN": "postgresql://x",
    "POSTFACH_BLOBS_URL": "file:///blobs",
    "POSTFACH_VAULT_KEY_FILE": "/vault.key",
}


class OwnSettings(RuntimeSettings, frozen=True, kw_only=True):
    rows_max: int = 5_000
    verbose: bool = False


def test_settings_are_read_with_their_types_and_defaults() -> None:
    settings = read_settings(OwnSettings, COMPLETE | {"POSTFACH_ROWS_MAX": "7", "POSTFACH_VERBOSE": "true"})
    assert (settings.kafka_bootstrap, settings.partitions, settings.rows_max, settings.verbose) == (
        "kafka:9092",
        8,
        7,
        True,
    )


def test_variables_that_are_not_ours_are_passed_over() -> None:
    settings = read_settings(RuntimeSettings, COMPLETE | {"PATH": "/bin", "POSTFACH_ROWS_MAX": "7"})
    assert settings.health_port == 0


@pytest.mark.parametrize("missing", COMPLETE)
def test_a_missing_setting_is_named(missing: str) -> None:
    environment = {name: value for name, value in COMPLETE.items() if name != missing}
    with pytest.raises(SettingsError, match=missing.removeprefix("POSTFACH_").lower()):
        read_settings(RuntimeSettings, environment)


def test_a_setting_of_the_wrong_type_is_named_and_its_value_is_not() -> None:
    with pytest.raises(SettingsError, match="partitions") as raised:
        read_settings(RuntimeSettings, COMPLETE | {"POSTFACH_PARTITIONS": "hunter2"})
    assert "hunter2" not in str(raised.value)
