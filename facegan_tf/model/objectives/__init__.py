"""What both nets minimise: `objective.py`, and one module for each loss and each penalty."""
