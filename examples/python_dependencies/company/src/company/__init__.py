"""What all jobs of a company share."""

import numpy


def discounted(price: float) -> float:
    """The price that is asked for."""
    return float(numpy.round(price * 0.9, 2))
