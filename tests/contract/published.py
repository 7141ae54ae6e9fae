"""The published AsyncAPI document: `python -m tests.contract.published` makes docs/asyncapi.json anew from the contracts."""

import sys
from pathlib import Path
from typing import Final

from services.gateway.http.asyncapi import asyncapi_json

PUBLISHED: Final = Path(__file__).parents[2] / "docs" / "asyncapi.json"


def main() -> int:
    """Write it."""
    PUBLISHED.write_bytes(asyncapi_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
