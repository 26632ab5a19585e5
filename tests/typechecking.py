"""The run-time type checker of the tests: beartype, where an int is a fine float (PEP 484)."""

from beartype import BeartypeConf, beartype

checker = beartype(conf=BeartypeConf(is_pep484_tower=True))
