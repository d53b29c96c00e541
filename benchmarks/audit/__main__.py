"""Audit: python -m benchmarks.audit [--repeats N] [NAME ...]; ends with 1 if a claim does not hold."""

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from benchmarks.audit.claims import AUDITS, REPEATS, run_audit


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description="Try what the verdict claims.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(AUDITS)}; all when absent")
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"of each simulation; {REPEATS:,} when absent")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in AUDITS]
    if unknown:
        parser.error(f"no audit is called {unknown[0]!r}; there are {', '.join(AUDITS)}")
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read by the processes begun below
    failed = 0
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        tried = [pool.submit(run_audit, name, asked.repeats) for name in asked.names or AUDITS]
        for name, findings, seconds in (one.result() for one in tried):
            print(f"{name} ({seconds:.0f} s)")
            for one in findings:
                print(f"  {'holds' if one.holds else 'FAILS':<6}{one.claim}: {one.found}; accepted: {one.accepted}")
                failed += not one.holds
            sys.stdout.flush()
    print("every claim holds" if not failed else f"{failed} claims do not hold")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
