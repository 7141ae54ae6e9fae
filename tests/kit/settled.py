"""A client whose every write has reached the read models before it returns, for tests that read what they wrote."""

from typing import Any

from tests.kit.people import Answer, Client


class Settled:
    """Orders and reads as somebody; a write that succeeds can be read from then on."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def done(self, path: str, body: Any = None, method: str = "POST") -> dict[str, Any]:
        """Order something that is obeyed; gives the answer."""
        answer = self.client.ask(method, path, body)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        self.settle(answer)
        return answer.json()

    def settle(self, answer: Answer) -> None:
        """Wait until what an answer tells of can be read."""
        position = answer.headers["Postfach-Position"]
        read = self.client.get("/v1/domains?page_size=1", Postfach_After=position)
        assert read.status_code in (200, 403), read.text

    def refused(self, path: str, body: Any = None, method: str = "POST") -> Answer:
        """Order something, or read it, that is not obeyed; gives the answer."""
        answer = self.client.ask(method, path, body)
        assert not answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer

    def shown(self, path: str) -> dict[str, Any]:
        """Read what is there."""
        return self.client.shown(path)

    def mailbox(self, address: str) -> str:
        """Create a mailbox and give its id."""
        return self.done("/v1/mailboxes", {"address": address})["mailbox_id"]
