"""Imports and exports of many mailboxes at once, as jobs that go on where they were stopped."""
