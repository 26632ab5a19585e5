"""The commands' tests use the lab's toy system."""

from tests.lab.conftest import command, environment, impatient, inside, toy

__all__ = ["command", "environment", "impatient", "inside", "toy"]
