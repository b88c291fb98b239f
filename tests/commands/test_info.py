import json
import re

from tests.helpers.command_line import call
from tests.helpers.paths import CONFIGS


def test_of_a_config_it_counts_the_parameters(capsys):
    code, out, _ = call(capsys, "info", CONFIGS / "celeba128.yaml", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["generator"]["trainable_parameters"] == 14_953_987
    assert facts["discriminator"]["trainable_parameters"] == 4_211_713
    assert "step" not in facts


def test_of_a_run_it_shows_step_and_weights(run, capsys):
    code, out, _ = call(capsys, "info", run, "--json")
    facts = json.loads(out)
    saved = json.loads((run / "checkpoints" / "step_000006" / "checkpoint.json").read_text())
    assert code == 0
    assert facts["step"] == 6
    assert facts["weights_sha256"] == saved["weights_sha256"]
    assert facts["checkpoints"] == [3, 6]
    code, out, _ = call(capsys, "info", run)
    assert "trained for 6 steps" in out
    assert re.search(r"Conv2DTranspose +k4 s2 +32x32x4 ", out)
