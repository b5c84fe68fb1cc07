"""How wide a text is when it is drawn."""

from matplotlib.textpath import TextPath


def text_width_pt(text: str, size_pt: float) -> float:
    """Return the width of a line of text in the figures' font, in points, without hinting."""
    if not text.strip():  # has no outline
        return 0.0
    return float(TextPath((0, 0), text, size=size_pt).get_extents().width)
