"""Views of the map: the canvas, its layers and cards, the time bar, the maps beside it."""
