"""The list's price of a retrieval: read from a setting in the currency's minor unit, and nonsense is no price."""

import pytest

from contracts.retrieval import AMOUNT_MAX, Price
from services.gateway.prices import read_price
from services.gateway.settings import GatewaySettings
from services.runtime.settings import SettingsError


@pytest.mark.parametrize(
    ("setting", "amount", "currency"),
    [
        ("50.00 EUR", 5000, "EUR"),
        ("50 EUR", 5000, "EUR"),
        ("0.5 EUR", 50, "EUR"),
        ("0 EUR", 0, "EUR"),
        ("7500 JPY", 7500, "JPY"),
        ("15.250 KWD", 15250, "KWD"),
        ("1.2345 CLF", 12345, "CLF"),
        ("1000000.00 EUR", AMOUNT_MAX, "EUR"),
    ],
)
def test_a_price_is_in_the_minor_unit_of_its_currency(setting: str, amount: int, currency: str) -> None:
    assert read_price(setting) == Price(amount=amount, currency=currency)


@pytest.mark.parametrize(
    "setting",
    [
        "", "50", "EUR", "50 eur", "50,00 EUR", "-1.00 EUR", "50.00EUR", "50.001 EUR", "7500.0 JPY", "1 XYZ", "1 EURO",
        "50.00 EUR ", "1e3 EUR", "٥٠ EUR", "1000000.01 EUR", "50. EUR",
    ],
)  # fmt: skip
def test_nonsense_is_no_price(setting: str) -> None:
    with pytest.raises(SettingsError, match="RETRIEVAL_PRICE"):
        read_price(setting)


def test_the_price_that_a_gateway_has_by_itself_is_one() -> None:
    (default,) = [
        value
        for name, value in zip(
            GatewaySettings.__struct_fields__[-len(GatewaySettings.__struct_defaults__) :],
            GatewaySettings.__struct_defaults__,
            strict=True,
        )
        if name == "gateway_retrieval_price"
    ]
    assert read_price(default) == Price(amount=5000, currency="EUR")
