"""Where the tests find real data: ``$SYMPLAST_DATA``, or ``shared/data`` beside the checkout where that exists.

Tiny networks compile longer than they run, so the compiler's optimisations are left out, in programs that tests start
too. Under ``CI`` hypothesis draws the same examples each time; elsewhere it goes on searching. Ctrl-C reaches the
programs that tests start, also where a shell that runs the tests in the background has it ignored.
"""

import os
import signal
from pathlib import Path

from hypothesis import settings

BESIDE = Path(__file__).parents[2] / "shared" / "data"
if "SYMPLAST_DATA" not in os.environ and BESIDE.is_dir():
    os.environ["SYMPLAST_DATA"] = str(BESIDE)

os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
