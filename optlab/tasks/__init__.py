"""Real data and the small networks that are trained on it, and the papers' own small problems."""

from optlab.tasks.language import text_task, topics, topics_transformer
from optlab.tasks.larger import cifar10_cnn, wikitext2_transformer
from optlab.tasks.networks import CNN, MLP, Linear, Transformer
from optlab.tasks.papers import (
    LeastSquares,
    NoisyQuadratic,
    Reddi,
    noisy_quadratic,
    reddi_online,
    reddi_stochastic,
    reddi_theorem,
    wilson,
)
from optlab.tasks.rare import rare_features
from optlab.tasks.task import Classification, Drawn, Network, Part, Task, Weight, one_thread
from optlab.tasks.vision import digits, digits_cnn, digits_mlp, digits_softmax

__all__ = [
    "CNN",
    "MLP",
    "Classification",
    "Drawn",
    "LeastSquares",
    "Linear",
    "Network",
    "NoisyQuadratic",
    "Part",
    "Reddi",
    "Task",
    "Transformer",
    "Weight",
    "cifar10_cnn",
    "digits",
    "digits_cnn",
    "digits_mlp",
    "digits_softmax",
    "noisy_quadratic",
    "one_thread",
    "rare_features",
    "reddi_online",
    "reddi_stochastic",
    "reddi_theorem",
    "text_task",
    "topics",
    "topics_transformer",
    "wikitext2_transformer",
    "wilson",
]
