"""Where the tests find real data: ``$SYMPLAST_DATA``, or ``shared/data`` beside the checkout where that exists."""

import os
from pathlib import Path

BESIDE = Path(__file__).parents[2] / "shared" / "data"
if "SYMPLAST_DATA" not in os.environ and BESIDE.is_dir():
    os.environ["SYMPLAST_DATA"] = str(BESIDE)
