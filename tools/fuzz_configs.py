"""Fuzz `load_config` with broken and malicious configs, many times as many as the tests draw.

    python tools/fuzz_configs.py --cases 10000

Prints how many files, `--set` overrides and files of the largest readable size were accepted, and how many
were refused for which reason; the slowest case; and the peak memory of the process. Each case is checked as
in tests/helpers/hostile_configs.py: an accepted config can be read back as a run writes it, and any other
raises a ConfigError of short lines. If a case violates this, Hypothesis prints it and the script fails.
"""

import argparse
import collections
import resource
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # for tests.helpers

from tests.helpers.hostile_configs import HOSTILE_FILES, LARGE_FILES, OVERRIDES, outcome  # noqa: E402


def fuzz(name: str, files: st.SearchStrategy, overrides: st.SearchStrategy, cases: int, number: int) -> None:
    """Draw and check `cases` cases; print one line for each outcome, and the slowest case."""
    outcomes: collections.Counter[str] = collections.Counter()
    slowest, slowest_case = 0.0, ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.yaml"

        @seed(number)
        @settings(
            max_examples=cases,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(files, overrides)
        def case(content: bytes, override: tuple[str, ...]) -> None:
            nonlocal slowest, slowest_case
            path.write_bytes(content)
            started = time.perf_counter()
            outcomes[outcome(path, override)] += 1
            seconds = time.perf_counter() - started
            if seconds > slowest:
                slowest, slowest_case = seconds, repr((content[:60], override))[:120]

        case()
    print(f"{name}: {outcomes.total():,} cases, each accepted or refused in clear lines")
    for kind, count in outcomes.most_common():
        print(f"  {count:>7,}  {kind}")
    print(f"  slowest {slowest:.2f} s: {slowest_case}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cases",
        type=int,
        default=10_000,
        help="files to try, and a tenth as many --set overrides (default: 10000)",
    )
    parser.add_argument(
        "--large", type=int, default=100, help="files of the largest readable size (default: 100)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws (default: 0)")
    options = parser.parse_args()
    fuzz("files", HOSTILE_FILES, st.just(()), options.cases, options.seed)
    good = st.just((ROOT / "configs" / "dcgan32.yaml").read_bytes())
    fuzz("--set", good, OVERRIDES.map(lambda override: (override,)), options.cases // 10, options.seed)
    fuzz("large files", LARGE_FILES, st.just(()), options.large, options.seed)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")  # KiB on Linux


if __name__ == "__main__":
    main()
