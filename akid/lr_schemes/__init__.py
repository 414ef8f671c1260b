"""Learning-rate schemes: the learning rate as a function of the step."""

from akid.lr_schemes.base import Constant, LearningRateScheme, Placeholder
from akid.lr_schemes.schedules import Cosine, ExpDecay, Polynomial, Step, Warmup

__all__ = [
    "Constant",
    "Cosine",
    "ExpDecay",
    "LearningRateScheme",
    "Placeholder",
    "Polynomial",
    "Step",
    "Warmup",
]
