"""The price of a retrieval as the provider's list has it, read from a setting."""

import re
from decimal import Decimal
from typing import Final

from contracts.retrieval import AMOUNT_MAX, Price
from services.runtime.settings import SettingsError

_PRICE: Final = re.compile(r"(\d{1,9})(?:\.(\d{1,4}))? ([A-Z]{3})", re.ASCII)

# ISO 4217, list one: the active currencies by the digits of their minor unit.
_CURRENCIES: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
        CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
        IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
        MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP
        SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER
        ZAR ZMW ZWG""",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DIGITS: Final = {code: digits for digits, codes in _CURRENCIES.items() for code in codes.split()}


def read_price(setting: str) -> Price:
    """Give the price that a text such as `50.00 EUR` names. Raises SettingsError for any other text.

    Whoever names fewer digits than the currency has means the same: `50 EUR` is 5000 cents.
    """
    found = _PRICE.fullmatch(setting)
    digits = None if found is None else _DIGITS.get(found[3])
    if found is None or digits is None or len(found[2] or "") > digits:
        raise SettingsError("POSTFACH_GATEWAY_RETRIEVAL_PRICE is no price such as 50.00 EUR")
    amount = int(Decimal(f"{found[1]}.{found[2] or 0}").scaleb(digits))
    if amount > AMOUNT_MAX:
        raise SettingsError("POSTFACH_GATEWAY_RETRIEVAL_PRICE is too high to be one")
    return Price(amount=amount, currency=found[3])
