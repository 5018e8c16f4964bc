"""docs/failure-modes.md names tests, metrics and log lines: each of them has to be there."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/failure-modes.md").read_text()


def source(folder, *suffixes):
    files = [p for suffix in suffixes for p in sorted((ROOT / folder).rglob(f"*{suffix}"))]
    return "\n".join(p.read_text() for p in files)


class FailureModes(unittest.TestCase):
    def rows(self):
        for line in PAGE.splitlines():
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
            if line.startswith("|") and cells[0] not in ("symptom", "---"):
                yield cells

    def test_every_row_names_a_test_that_exists(self):
        functions = set(re.findall(r"\bfn (\w+)", source("tests", ".rs") + source("worker/src", ".rs")))
        functions |= set(re.findall(r"^func (Test\w+)", source("clients/go", "_test.go"), re.M))
        for symptom, _, _, tests in self.rows():
            named = re.findall(r"`(\w+)`", tests)
            self.assertTrue(named, symptom)
            self.assertEqual(set(named) - functions, set(), symptom)

    def test_every_metric_is_one_of_the_workers(self):
        served = set(re.findall(r'"(fastembed_\w+)"', (ROOT / "worker/src/telemetry/metrics.rs").read_text()))
        self.assertEqual(set(re.findall(r"`(fastembed_\w+)", PAGE)) - served, set())

    def test_every_log_line_is_one_of_the_workers(self):
        worker = source("worker/src", ".rs")
        for line in (
            "the bus refused a subscription; not ready",
            "the bus refused an answer; not ready",
            "a reply subject is not allowed; such requests are dropped",
            "stopped before it was ready",
            *("connected", "disconnected", "draining", "drained", "runs failed", "requests refused", "replies not sent"),
        ):
            self.assertIn(f"`{line}`", PAGE)
            self.assertIn(f'"{line}"', worker)


if __name__ == "__main__":
    unittest.main()
