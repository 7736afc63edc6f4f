"""Checks of a training run: one file a kind of mistake, and the batch that they look at."""
