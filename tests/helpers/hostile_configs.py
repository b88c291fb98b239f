"""Broken and malicious configs, drawn by hypothesis, and what `load_config` must do with each.

The tests draw a few hundred of them, tools/fuzz_configs.py as many as you like.
"""

from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from facegan_tf.config.errors import ConfigError
from facegan_tf.config.load import load_config
from facegan_tf.config.yaml_settings import MAX_BYTES
from tests.helpers import paths

CONFIGS = sorted(paths.CONFIGS.glob("*.yaml"))
TOKENS = (
    *(
        "a",
        "b: ",
        "training:",
        "batch_size: 4",
        "\n",
        "\n  ",
        "\n    ",
        " ",
        "\t",
        "- ",
        "? ",
        ": ",
        ", ",
        "# ",
    ),
    *(
        "[",
        "]",
        "{",
        "}",
        "&a ",
        "*a",
        "<<: ",
        "<<: *a",
        "'",
        '"',
        '"\\x41',
        '"\\UFFFFFFFF"',
        "|\n",
        ">-\n",
        "@",
        "`",
    ),
    *(
        "!",
        "!!int ",
        "!!float ",
        "!!bool ",
        "!!null ",
        "!!binary ",
        "!!set ",
        "!!omap ",
        "!!timestamp ",
        "!<x> ",
    ),
    *(
        "!!python/object/apply:os.system ",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "%TAG ! x\n",
        "%",
        "\ufeff",
        "\0",
        "\x85",
    ),
    *(
        "1",
        "0x_",
        "0b_",
        "-",
        "1:30",
        "1e400",
        ".nan",
        "-.inf",
        "9" * 400,
        "0x" + "f" * 5000,
        "~",
        "yes",
        "2026-13-41",
    ),
)
SOUP = st.lists(st.sampled_from(TOKENS), max_size=30).map("".join)
WORDS = st.sampled_from(
    ["", "name", "generator", "channels", "batch_size", "batch_sise", "stem", "\x1b[31m", "x" * 99]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 2**31, 2**63, 10**400])
    | st.floats()
    | st.text(max_size=20)
    | WORDS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | SCALARS, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def edited_settings(draw: st.DrawFn) -> bytes:
    """A config of configs/ whose settings are dropped, renamed, moved or given other values."""
    settings = yaml.safe_load(draw(st.sampled_from(CONFIGS)).read_bytes())
    for _ in range(draw(st.integers(1, 4))):
        block = draw(st.sampled_from(blocks_of(settings)))
        key = draw(st.sampled_from(sorted(block, key=str))) if block else draw(WORDS)
        match draw(st.sampled_from(["drop", "rename", "move", "set"])):
            case "drop":
                block.pop(key, None)
            case "rename":
                block[draw(WORDS)] = block.pop(key, None)
            case "move":
                draw(st.sampled_from(blocks_of(settings)))[key] = yaml.safe_load(
                    yaml.dump(block.pop(key, None))
                )
            case "set":
                block[key] = draw(VALUES)
    flow = draw(st.sampled_from([None, False, True]))
    return yaml.safe_dump(settings, default_flow_style=flow, allow_unicode=True).encode("utf-8", "replace")


def blocks_of(settings: Any) -> list[dict]:
    """All nested dicts, the outermost first."""
    inner = (
        settings.values() if isinstance(settings, dict) else settings if isinstance(settings, list) else []
    )
    below = [block for each in inner for block in blocks_of(each)]
    return [settings, *below] if isinstance(settings, dict) else below


@st.composite
def edited_text(draw: st.DrawFn) -> bytes:
    """A config of configs/ whose lines are repeated, removed, moved, indented or changed."""
    lines = draw(st.sampled_from(CONFIGS)).read_bytes().splitlines(keepends=True)
    lines = [line for line in lines if not line.startswith(b"#")]
    places = st.integers(0, len(lines) - 1)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(places) % len(lines)
        match draw(st.sampled_from(["repeat", "remove", "move", "indent", "token", "byte"])):
            case "repeat":
                lines.insert(draw(places), lines[at])
            case "remove":
                lines[at] = b""
            case "move":
                lines.insert(draw(places), lines.pop(at))
            case "indent":
                lines[at] = b" " * draw(st.integers(1, 4)) + lines[at]
            case "token":
                column = draw(st.integers(0, len(lines[at])))
                token = draw(st.sampled_from(TOKENS)).encode()
                lines[at] = lines[at][:column] + token + lines[at][column:]
            case "byte":
                column = draw(st.integers(0, len(lines[at])))
                lines[at] = (
                    lines[at][:column] + draw(st.binary(min_size=1, max_size=1)) + lines[at][column + 1 :]
                )
    return b"".join(lines)


ANY_FILE = st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
LARGE_FILES = st.lists(st.sampled_from(TOKENS), min_size=1, max_size=4).map(
    lambda tokens: ("".join(tokens).encode() * (MAX_BYTES // len("".join(tokens)) + 1))[:MAX_BYTES]
)
"""Files of the largest size that is read: a few tokens, repeated."""
HOSTILE_FILES = ANY_FILE | SOUP.map(str.encode) | edited_settings() | edited_text()
OVERRIDES = st.builds(
    "{}={}".format,
    st.lists(WORDS | st.sampled_from(["training", "networks", "steps"]), min_size=1, max_size=4).map(".".join)
    | st.sampled_from(["data.source", "evaluation.feature_weights", "networks.family"]),
    SOUP | VALUES.map(lambda value: yaml.safe_dump(value, default_flow_style=True)),
) | st.text(max_size=30)
OUTCOMES = {
    "ValidationError": "wrong settings",
    "UnreadableYaml": "not plain YAML",
    "UnicodeDecodeError": "not UTF-8",
    "NoneType": "not a mapping of settings, or not key.path=value",
}


def outcome(path: Path, overrides: tuple[str, ...] = ()) -> str:
    """What `load_config` does with a file: "accepted", or one of OUTCOMES.

    Raises AssertionError unless each problem of a refused config is one short, printable line that names its
    place, and unless an accepted config can be read back as it is written into a run directory.
    """
    try:
        config = load_config(path, overrides)
    except ConfigError as error:
        for line in error.described({"overrides": "--set"}).split("\n"):
            assert line.startswith((f"{path}: ", "--set", "and ")), line
            assert line.isprintable() and len(line) < len(str(path)) + 500, line
        return OUTCOMES[type(error.__cause__).__name__]
    path.write_text(config.to_yaml(), encoding="utf-8")
    assert load_config(path) == config
    return "accepted"
