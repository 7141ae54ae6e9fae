"""Which passwords are acceptable, and how they are hashed."""

import pytest
from argon2 import PasswordHasher, extract_parameters

from services.runtime.passwords import open_hasher, password_problem

ADDRESS = "ina@example.org"


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("correct horse battery", None),
        ("x" * 7 + "Ä", None),
        ("zq3#kk!w" * 16, None),
        ("short 7", "at least 8 characters"),
        ("x" * 129, "at most 128 characters"),
        ("ina@example.org", "not the address itself"),
        ("INA@Example.org", "not the address itself"),
        ("password1", "not one of the most common passwords"),
        ("PassWord1", "not one of the most common passwords"),
        ("tab\tinside it", "no control characters"),
        ("delete\x7fcharacter", "no control characters"),
    ],
)
def test_a_password_is_judged_in_words(password: str, problem: str | None) -> None:
    assert password_problem(password, ADDRESS) == problem


def test_the_local_part_alone_is_no_password_either() -> None:
    assert password_problem("long.local.part", "Long.Local.Part@example.org") == "not the address itself"


async def test_a_hash_is_argon2id_at_its_agreed_cost_and_verifies() -> None:
    with open_hasher() as hasher:
        encoded = await hasher.hash("correct horse battery")
    parameters = extract_parameters(encoded)
    assert encoded.startswith("$argon2id$")
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19 * 1024, 2, 1)
    assert PasswordHasher().verify(encoded, "correct horse battery")


async def test_the_same_password_is_never_hashed_to_the_same_text() -> None:
    with open_hasher() as hasher:
        assert await hasher.hash("correct horse battery") != await hasher.hash("correct horse battery")
