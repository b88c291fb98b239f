"""Where things are."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""Of the repository."""
CONFIGS = ROOT / "configs"
CELEBA = ROOT.parent / "shared" / "data" / "celeba-half.zip"
"""8,000 real faces; absent on most machines."""
