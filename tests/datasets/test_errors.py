import pickle

import pytest

from symplast.datasets import DataError, DatasetUnavailable


@pytest.mark.parametrize(
    "error",
    [DatasetUnavailable("toy", "fetch it"), DataError("a/b.csv", "0" * 64, "1" * 64, "fetch it again")],
    ids=["unavailable", "damaged"],
)
def test_errors_cross_process_borders(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_kinds():
    assert issubclass(DatasetUnavailable, FileNotFoundError)
    assert issubclass(DataError, ValueError)
    assert not issubclass(DataError, FileNotFoundError)  # damaged must never pass for missing
