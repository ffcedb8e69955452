"""How metrics are written and coloured on the page: as the library does it."""

from __future__ import annotations

from smcore.validation.metric_scale import Scale, pretty, scale_of
from smcore.validation.metric_text import digits, explained, interval, plain, symbol, written

__all__ = ["Scale", "digits", "explained", "interval", "plain", "pretty", "scale_of", "symbol", "written"]
