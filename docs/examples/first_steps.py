"""First steps with the API of Postfach: a domain, a mailbox, a rule, and who gets an address that is none.

Usage: first_steps.py API_URL KEY_FILE DOMAIN. The domain has to be below an active one of the key's tenant.
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import Any


class Postfach:
    """A client that reads what it wrote. Each write can be sent again: the same key is the same write."""

    def __init__(self, api: str, key: str) -> None:
        self._api = api
        self._headers = {"Authorization": f"Bearer {key}"}

    def get(self, path: str, **parameters: str) -> Any:
        """Read. Raises SystemExit with what the API says is wrong."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        return self._send(urllib.request.Request(f"{self._api}{path}{query}"))

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Write, once. Raises SystemExit with what the API says is wrong."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._api}{path}", data, method="POST")
        request.add_header("Idempotency-Key", str(uuid.uuid5(uuid.NAMESPACE_URL, f"{path} {body}")))
        if body is not None:
            request.add_header("Content-Type", "application/json")
        return self._send(request)

    def _send(self, request: urllib.request.Request) -> Any:
        for name, value in self._headers.items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                if position := answer.headers["Postfach-Position"]:
                    self._headers["Postfach-After"] = position
                return json.load(answer)
        except urllib.error.HTTPError as error:
            problem = json.load(error)
            raise SystemExit(f"{problem['status']} {problem['code']}: {problem['detail']}") from None


def main() -> None:
    """Take the first steps and print what came of them."""
    api, key_file, domain = sys.argv[1:]
    postfach = Postfach(api, Path(key_file).read_text().strip())
    postfach.post("/domains", {"domain": domain})
    postfach.post(f"/domains/{domain}:verify")
    mailbox = postfach.post("/mailboxes", {"address": f"orders@{domain}", "note": "collects the orders"})
    rule = {"pattern": "order-{number}", "target": mailbox["address"]}
    postfach.post(f"/domains/{domain}/rules", rule)
    found = postfach.get("/recipients", address=f"order-17@{domain}")
    print(f"{found['address']} goes to {found['mailbox']['address']}, by a {found['step']}")


if __name__ == "__main__":
    main()
