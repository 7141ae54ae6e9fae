"""Opens the demo tenant through the public API: a customer with people, a plan, domains, mailboxes and rules.

Safe to repeat: what exists is left as it is. The people's password and the owner's API key are kept among the stack's
secrets; the API shows a key once, so one whose secret was lost is replaced by another.
"""

import argparse
import uuid
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
from msgspec import Struct
from openpyxl import Workbook

from contracts.ids import PROVIDER_TENANT
from deploy.local.site import DEMO_TENANT_ID
from deploy.local.stack import Stack

DOMAINS = ("sample-tenant.example", "shop.sample-tenant.example", "münchen.sample-tenant.example")
MAIN, SHOP, _ = DOMAINS
MAILBOXES = (
    ("ina.berger", "Purchasing, desk 12"),
    ("tom.weber", "Warehouse"),
    ("tiktok", "collects the registrations of the video team"),
)
RULES = (
    (MAIN, "tiktok_{number}", "tiktok"),
    (MAIN, "order-{any}", "ina.berger"),
    (SHOP, "{word}.returns", "tom.weber"),
)
PLAN = {"title": "Sample plan", "plan": "business-20000", "domains_max": 10, "mailboxes_max": 20_000}
SHARES = (10_000, 2_000, 1_000)
"""Mailboxes of the plan for each domain."""

KEY_FILE = "demo.key"
SAMPLE_ROWS = 5_000
_NAMESPACE = uuid.UUID(DEMO_TENANT_ID)


class Person(Struct, frozen=True):
    """Somebody who can sign in."""

    email: str
    display_name: str
    role: str
    permissions: tuple[dict[str, Any], ...] = ()


OWNER = Person(f"owner@{MAIN}", "Olga Sample", "owner")
PEOPLE = (
    OWNER,
    Person(
        f"shop@{MAIN}",
        "Samir Shop",
        "sub_user",
        tuple(
            {"page": page, "actions": ["see", "change"], "scope": "domains", "names": [SHOP]}
            for page in ("mailboxes", "rules", "domains")
        ),
    ),
    Person(f"audit@{MAIN}", "Ada Audit", "auditor"),
)


def open_demo(stack: Stack) -> Path:
    """Onboard the demo tenant with all it has; give the path of the workbook to import."""
    operator = {
        "Authorization": f"Bearer {stack.secret('operator.key')}",
        "Postfach-Tenant": DEMO_TENANT_ID,
    }
    with httpx2.Client(base_url=stack.url, headers=operator, timeout=30.0) as api:
        for tenant, title in ((PROVIDER_TENANT, "Provider"), (DEMO_TENANT_ID, "Sample tenant")):
            _once(api, "/v1/tenants", {"tenant": tenant, "title": title})
        for domain in DOMAINS:
            _once(api, "/v1/domains", {"domain": domain})
            _once(api, f"/v1/domains/{_a_label(domain)}:activate")
        for local_part, note in MAILBOXES:
            _once(api, "/v1/mailboxes", {"address": f"{local_part}@{MAIN}", "note": note})
        for person in PEOPLE:
            _let_join(api, person, stack.secret("demo.password"))
        _share_the_plan(api)
        _route(api)
        _keep_key(api, stack)
    return _write_sample(stack.site.folder / "sample-5000-mailboxes.xlsx")


def _once(api: httpx2.Client, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
    """Ask for something that may have been done by an earlier run; a conflict then is fine."""
    name = f"{path} {next(iter(body.values())) if body else ''}"
    answer = _post(api, path, body, key=str(uuid.uuid5(_NAMESPACE, name)))
    if answer.status_code != HTTPStatus.CONFLICT:
        answer.raise_for_status()
    return answer


def _post(
    api: httpx2.Client, path: str, body: dict[str, Any] | None, *, key: str | None = None
) -> httpx2.Response:
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return api.post(path, headers=headers) if body is None else api.post(path, json=body, headers=headers)


def _read(api: httpx2.Client, path: str, **parameters: str) -> Any:
    answer = api.get(path, params=parameters)
    answer.raise_for_status()
    return answer.json()


def _a_label(domain: str) -> str:
    return domain.encode("idna").decode()


def _let_join(api: httpx2.Client, person: Person, password: str) -> None:
    """Invite a person and accept in their name. An invitation that was not accepted is replaced."""
    found = _read(api, "/v1/users", filter=f'email = "{person.email}"')["users"]
    known = [user for user in found if user["status"] != "removed"]
    if known and known[0]["status"] != "invited":
        return
    if known:
        invited = _post(api, f"/v1/users/{known[0]['user_id']}:renewInvitation", None)
    else:
        invited = _post(
            api,
            "/v1/users",
            {
                "email": person.email,
                "display_name": person.display_name,
                "role": person.role,
                "permissions": person.permissions,
            },
        )
    invited.raise_for_status()
    accepted = _post(api, "/v1/invitations:accept", {"token": invited.json()["secret"], "password": password})
    accepted.raise_for_status()


def _share_the_plan(api: httpx2.Client) -> None:
    """Sell the tenant a plan, and hand every domain that is in none its share."""
    groups = [group for group in _read(api, "/v1/paid-groups")["paid_groups"] if not group["removed"]]
    if not groups:
        _once(api, "/v1/paid-groups", PLAN)
        groups = _read(api, "/v1/paid-groups")["paid_groups"]
    for domain, share in zip(DOMAINS, SHARES, strict=True):
        name = _a_label(domain)
        if _read(api, f"/v1/domains/{name}")["paid_group"] is None:
            placed = {"group_id": groups[-1]["group_id"], "mailbox_limit": share}
            _post(api, f"/v1/domains/{name}:place", placed).raise_for_status()


def _route(api: httpx2.Client) -> None:
    """Add rules where there are none, and let one mailbox get what nobody gets."""
    for domain in dict.fromkeys(domain for domain, _, _ in RULES):
        if _read(api, f"/v1/domains/{domain}/rules")["rules"]:
            continue
        for of, pattern, target in RULES:
            if of == domain:
                rule = {"pattern": pattern, "target": f"{target}@{MAIN}"}
                _post(api, f"/v1/domains/{domain}/rules", rule).raise_for_status()
    if _read(api, f"/v1/domains/{MAIN}")["catch_all"] is None:
        _post(api, f"/v1/domains/{MAIN}:enableCatchAll", {"target": f"ina.berger@{MAIN}"}).raise_for_status()


def _keep_key(api: httpx2.Client, stack: Stack) -> None:
    """Keep an API key that may do all that the owner may, unless the one that is kept works."""
    kept = stack.site.secrets / KEY_FILE
    if kept.exists():
        headers = {"Authorization": f"Bearer {stack.secret(KEY_FILE)}"}
        if httpx2.get(f"{stack.url}/v1/me", headers=headers).is_success:
            return
    made = _post(api, "/v1/keys", {"title": "Key of the demo owner", "role": "owner"})
    made.raise_for_status()
    stack.site.put_secret(KEY_FILE, made.json()["secret"])


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
    key_file = (stack.site.secrets / KEY_FILE).relative_to(Path.cwd())
    password = stack.secret("demo.password")
    people = "\n".join(f"  {person.email:<30} {password}  {person.role}" for person in PEOPLE)
    print(f"""
Demo tenant:       {DEMO_TENANT_ID}, domain {MAIN}
Sign-in, demo:     e-mail and password
{people}
Try the main job:  export KEY=$(cat {key_file})
                   curl -H "Authorization: Bearer $KEY" -H "Idempotency-Key: first-import" \\
                        -F file=@{sample} {stack.url}/v1/imports
                   curl -H "Authorization: Bearer $KEY" {stack.url}/v1/imports
                   curl -H "Authorization: Bearer $KEY" "{stack.url}/v1/mailboxes?page_size=5"
""")


if __name__ == "__main__":
    main()
