"""What both nets minimise: `objective.py`, and a module for each `objective.loss`, by its name."""
