"""Who had a text first, through every growth of the table."""

import random

from services.bulkio.first_rows import FirstRows


def test_the_first_row_of_a_text_is_given_however_many_there_are() -> None:
    seen = FirstRows()
    texts = [f"user-{number}@b.example" for number in range(30_000)]
    assert [seen.first(text, row) for row, text in enumerate(texts, start=2)] == list(range(2, 30_002))
    chosen = random.Random(7).sample(range(30_000), 1_000)
    assert [seen.first(texts[number], 99_999) for number in chosen] == [number + 2 for number in chosen]


def test_a_text_that_was_not_seen_has_its_own_row() -> None:
    seen = FirstRows()
    assert seen.first("a", 5) == 5
    assert seen.first("b", 6) == 6
    assert seen.first("a", 7) == 5
