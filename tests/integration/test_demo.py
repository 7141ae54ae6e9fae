"""The demo tenant of `make run`: it opens, opens again, and its people can sign in."""

import httpx2

from deploy.local.demo import KEY_FILE, MAIN, PEOPLE, RULES, open_demo
from deploy.local.site import DEMO_TENANT_ID
from deploy.local.stack import Stack
from tests.kit.waiting import eventually


def as_owner(stack: Stack) -> httpx2.Client:
    """Act with the key that the demo keeps."""
    return httpx2.Client(
        base_url=stack.url, headers={"Authorization": f"Bearer {stack.secret(KEY_FILE)}"}, timeout=30.0
    )


def test_the_demo_can_be_opened_again_and_stays_what_it_is(stack: Stack) -> None:
    open_demo(stack)
    key = stack.secret(KEY_FILE)
    open_demo(stack)
    assert stack.secret(KEY_FILE) == key
    with as_owner(stack) as owner:
        me = owner.get("/v1/me").json()
        assert (me["tenant"], me["role"]) == (DEMO_TENANT_ID, "owner")
        assert len(owner.get("/v1/users").json()["users"]) == len(PEOPLE)
        assert len(owner.get("/v1/paid-groups").json()["paid_groups"]) == 1
        rules = owner.get(f"/v1/domains/{MAIN}/rules").json()["rules"]
        assert {rule["pattern"] for rule in rules} == {pattern for of, pattern, _ in RULES if of == MAIN}
        assert eventually(lambda: owner.get(f"/v1/domains/{MAIN}").json()["mailbox_limit"]) == 10_000
        assert owner.get(f"/v1/domains/{MAIN}").json()["catch_all"]["target"]["state"] == "active"


def test_everybody_of_the_demo_signs_in_with_the_password_among_the_secrets(stack: Stack) -> None:
    open_demo(stack)
    for person in PEOPLE:
        sign_in = {"email": person.email, "password": stack.secret("demo.password")}
        begun = httpx2.post(f"{stack.url}/v1/sessions", json=sign_in)
        assert begun.status_code == 201, begun.text
        assert begun.json()["role"] == person.role


def test_a_key_that_was_lost_is_replaced(stack: Stack) -> None:
    open_demo(stack)
    former = stack.secret(KEY_FILE)
    stack.site.put_secret(KEY_FILE, "of-former-days")
    open_demo(stack)
    assert stack.secret(KEY_FILE) not in (former, "of-former-days")
    with as_owner(stack) as owner:
        assert owner.get("/v1/me").status_code == 200
