"""Paths that several tests use."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The repository's root folder."""
CONFIGS = ROOT / "configs"
CELEBA = ROOT.parent / "shared" / "data" / "celeba-half.zip"
"""8,000 real faces; missing on most machines."""
