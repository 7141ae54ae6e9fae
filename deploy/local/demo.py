"""Opens the demo tenant through the public API: a customer with domains, some mailboxes, and a workbook to import.

Safe to repeat: every request carries an Idempotency-Key of its own, and what exists is left as it is.
"""

import argparse
import uuid
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
from openpyxl import Workbook

from deploy.local.site import DEMO_TENANT_ID
from deploy.local.stack import Stack

DOMAINS = ("sample-tenant.example", "shop.sample-tenant.example", "münchen.sample-tenant.example")
MAILBOXES = (
    ("ina.berger", "Purchasing, desk 12"),
    ("tom.weber", "Warehouse"),
    ("tiktok", "collects the registrations of the video team"),
)
SAMPLE_ROWS = 5_000
_NAMESPACE = uuid.UUID(DEMO_TENANT_ID)


def open_demo(stack: Stack) -> Path:
    """Onboard the demo tenant with its domains and mailboxes; give the path of the workbook to import."""
    operator = {
        "Authorization": f"Bearer {stack.secret('operator.key')}",
        "Postfach-Tenant": DEMO_TENANT_ID,
    }
    with httpx2.Client(base_url=stack.url, headers=operator, timeout=30.0) as api:
        tenant = {"tenant": DEMO_TENANT_ID, "title": "Sample tenant"}
        _once(api, "/v1/tenants", tenant, key=f"tenant {DEMO_TENANT_ID}")
        for domain in DOMAINS:
            _once(api, "/v1/domains", {"domain": domain}, key=f"domain {domain}")
            name = domain.encode("idna").decode()
            _once(api, f"/v1/domains/{name}:activate", None, key=f"activate {domain}")
        for local_part, note in MAILBOXES:
            address = f"{local_part}@{DOMAINS[0]}"
            _once(api, "/v1/mailboxes", {"address": address, "note": note}, key=f"mailbox {address}")
    return _write_sample(stack.site.folder / "sample-5000-mailboxes.xlsx")


def _once(api: httpx2.Client, path: str, body: dict[str, Any] | None, *, key: str) -> None:
    """Ask for something that may have been done by an earlier run; a conflict then is fine."""
    headers = {"Idempotency-Key": str(uuid.uuid5(_NAMESPACE, key))}
    answer = (
        api.post(path, json=body, headers=headers) if body is not None else api.post(path, headers=headers)
    )
    if answer.status_code != HTTPStatus.CONFLICT:
        answer.raise_for_status()


def _write_sample(path: Path) -> Path:
    """Write 5,000 rows in the template's form, without passwords, so that importing them takes seconds."""
    # A workbook written again has other bytes, and would be another import under the same Idempotency-Key.
    if path.exists():
        return path
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Mailboxes")
    sheet.append(("Email", "Password", "Note"))
    for number in range(1, SAMPLE_ROWS + 1):
        sheet.append((f"employee.{number:04}@{DOMAINS[0]}", None, f"Row {number} of the sample"))
    workbook.save(path)
    return path


def main() -> None:
    """Open the demo tenant of a running stack and say what to do with it."""
    parser = argparse.ArgumentParser(description="Open the demo tenant of a running stack.")
    parser.add_argument("--stack", default="run")
    stack = Stack.running(parser.parse_args().stack)
    sample = open_demo(stack).relative_to(Path.cwd())
    print(f"""
Demo tenant:       {DEMO_TENANT_ID}, domain {DOMAINS[0]}
Try the main job:  export KEY=$(cat {(stack.site.secrets / "demo.key").relative_to(Path.cwd())})
                   curl -H "Authorization: Bearer $KEY" -H "Idempotency-Key: first-import" \\
                        -F file=@{sample} {stack.url}/v1/imports
                   curl -H "Authorization: Bearer $KEY" {stack.url}/v1/imports
                   curl -H "Authorization: Bearer $KEY" "{stack.url}/v1/mailboxes?page_size=5"
""")


if __name__ == "__main__":
    main()
