"""What is typed is what there is."""

from __future__ import annotations

from benchmarks.systems.__main__ import parser
from benchmarks.systems.commands import COMMANDS


def test_every_command_that_there_is_can_be_typed_and_no_other():
    (command,) = (action for action in parser()._actions if action.dest == "command")
    assert command.choices is not None
    assert set(command.choices) == set(COMMANDS)
