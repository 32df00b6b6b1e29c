"""Training on few pictures: a new head on a network as it is, fine-tuning, or from scratch, beside trivial baselines.

`run_training` and `run_trial` are what a worker runs; what goes in and what comes out is in `inference.training_contracts`.
A head that was kept is read by `checkpoint.read` and put on its network by `trial.assembled`::

    trained = assembled(checkpoint.read(content), networks)
    trained.predict(photo)  # the probability of each class
"""

from inference.engine.training.running import run_training
from inference.engine.training.trial import assembled, run_trial

__all__ = ["assembled", "run_training", "run_trial"]
