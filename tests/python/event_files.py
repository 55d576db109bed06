"""TensorBoard's event files, read by pip tensorboard."""

import pytest


def accumulated(folder):
    """With every scalar that the folder's files hold."""
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    accumulator = module.EventAccumulator(str(folder), size_guidance={module.SCALARS: 0})
    accumulator.Reload()
    return accumulator
