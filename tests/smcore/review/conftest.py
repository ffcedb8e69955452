import uuid

import pytest

from smcore.review.events import Conditions, Event
from smcore.review.log import ReviewLog

RUN = "0123456789abcdef"


@pytest.fixture
def log(tmp_path):
    return ReviewLog(tmp_path / "review.sqlite", RUN)


class Making:
    """Makes events one after another, as one log would."""

    def __init__(self):
        self.sequence = 0

    def __call__(self, action, subject="s1", reviewer="Ada", *, blind=False, sequence=None, **payload):
        self.sequence = sequence or self.sequence + 1
        return Event(
            str(uuid.uuid4()), self.sequence, "2024-05-01T12:00:00.000000Z", reviewer, subject, action, payload,
            Conditions(blind=blind),
        )  # fmt: skip

    def verdict(self, number, reviewer="Ada", subject="s1", reasons=()):
        return self("verdict", subject, reviewer, verdict=number, reasons=list(reasons))

    def sign(self, number, reviewer="Ada", subject="s1", exclusions=(), reasons=()):
        ids = [event.id for event in exclusions]
        return self("sign", subject, reviewer, verdict=number, reasons=list(reasons), exclusions=ids)

    def exclude(self, start="", end="", reviewer="Ada", subject="s1", reason="flat", blind=False):
        return self("exclude", subject, reviewer, blind=blind, start=start, end=end, reason=reason, text="")

    def restore(self, event, reviewer="Ada", blind=False):
        return self("restore", event.subject, reviewer, blind=blind, event=event.id, text="")

    def accept(self, event, reviewer="Bob"):
        return self("accept", event.subject, reviewer, event=event.id)

    def dispute(self, event, reviewer="Bob", verdict=4):
        return self("dispute", event.subject, reviewer, event=event.id, verdict=verdict, reasons=[], text="")

    def undo(self, event, reviewer="Ada"):
        return self("undo", event.subject, reviewer, event=event.id)


@pytest.fixture
def make():
    return Making()
