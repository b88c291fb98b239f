from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings

from tests.helpers import paths
from tests.helpers.hostile_configs import HOSTILE_FILES, OVERRIDES, outcome

CONFIG = paths.CONFIGS / "dcgan32.yaml"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "c.yaml"


@settings(max_examples=300, deadline=5000, suppress_health_check=[HealthCheck.too_slow])
@given(content=HOSTILE_FILES)
def test_any_file_is_accepted_or_refused_in_clear_lines(path, content):
    path.write_bytes(content)
    event(outcome(path))


@settings(max_examples=100, deadline=5000, suppress_health_check=[HealthCheck.too_slow])
@given(override=OVERRIDES)
def test_any_override_is_accepted_or_refused_in_clear_lines(path, override):
    path.write_bytes(CONFIG.read_bytes())
    event(outcome(path, (override,)))
