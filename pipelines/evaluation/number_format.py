"""Number format: scores, differences, intervals and p-values as text."""

import math

MIN_SCIENTIFIC = 1e7  # from which a score is written with a power of ten


SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def format_number(value: float) -> str:
    """A score as people write it: three decimals, fewer when it is large, more when it is tiny; a
    power of ten when it is enormous; – if undefined."""
    if math.isnan(value):
        return "–"
    size = abs(value)
    if size >= MIN_SCIENTIFIC and math.isfinite(size):
        mantissa, exponent = f"{value:.3e}".split("e")
        return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.{1 if size >= 100 else 2}f}"
    return f"{value:.3f}" if size >= 0.001 or size == 0 else f"{value:.1g}"


def format_difference(difference: float) -> str:
    """A difference with its sign; – if undefined."""
    return format_number(difference) if math.isnan(difference) or difference <= 0 else f"+{format_number(difference)}"


def format_interval(low: float, high: float, unit: str = "") -> str:
    """A 95 % interval in brackets, to stand behind a score in a sentence; nothing where there is none."""
    return "" if math.isnan(low) else f" (95 % interval: {low:.1f} to {high:.1f}{unit})"


def format_number_interval(low: float, high: float) -> str:
    """The same of numbers of any size."""
    return "" if math.isnan(low) else f" (95 % interval: {format_number(low)} to {format_number(high)})"


def format_p_value(p: float) -> str:
    """A p-value as people write it."""
    if math.isnan(p):
        return "–"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
