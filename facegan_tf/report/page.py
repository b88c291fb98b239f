"""What the report and the comparison share: opening a run, and filling a template."""

import sys
from pathlib import Path
from typing import Any

import jinja2

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import atomic_file
from facegan_tf.run.directory import RunDirectory


def open_run(path: str | Path) -> RunDirectory:
    """Return the run directory at `path`. Raises InputError if there is none."""
    run = RunDirectory(Path(path))
    if not run.exists():
        raise InputError(None, path, "is not a run directory: it has no config.yaml")
    return run


def read_record(run: RunDirectory) -> dict[str, Any]:
    """Return the content of run.json; {} if the run has no such file."""
    return run.read_record() if run.record.exists() else {}


def write_page(out: Path, template: str, **content: Any) -> None:
    """Fill a template, write the page as a single file, and print its path and size."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("facegan_tf.report"),
        autoescape=True,  # names and settings may contain anything
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    with atomic_file(out) as partial:
        partial.write_text(environment.get_template(template).render(**content), encoding="utf-8")
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB; opens in any browser, offline too", file=sys.stderr)
