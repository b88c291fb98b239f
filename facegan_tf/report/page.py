"""What both pages share: the templates, and finding a run."""

import sys
from pathlib import Path
from typing import Any

import jinja2

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import atomic_file
from facegan_tf.run.directory import RunDirectory


def open_run(path: str | Path) -> RunDirectory:
    """The run directory at `path`; InputError if there is none."""
    run = RunDirectory(Path(path))
    if not run.exists():
        raise InputError(f"{path}: is no run directory (no config.yaml)")
    return run


def read_record(run: RunDirectory) -> dict[str, Any]:
    """What run.json holds; nothing of a run that has none."""
    return run.read_record() if run.record.exists() else {}


def write_page(out: Path, template: str, **content: Any) -> None:
    """Fill a template, write it as one file, and say where and how large it is."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("facegan_tf.report"),
        autoescape=True,  # names and settings are anybody's
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    with atomic_file(out) as partial:
        partial.write_text(environment.get_template(template).render(**content), encoding="utf-8")
    print(
        f"{out}: {out.stat().st_size / 1e6:.1f} MB, opens in any browser, without a network", file=sys.stderr
    )
