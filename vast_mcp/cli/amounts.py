"""Numbers as a person types them after a command."""

import argparse
import math


def above_zero(text: str, most: float) -> float:
    """The number, for `argparse`.

    Raises:
        ArgumentTypeError: it is none, not above zero, or larger than `most`.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= most:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most {most}")
    return number
