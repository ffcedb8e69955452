"""What follows from the selection for the map: frames, masks, ranges, comparisons, sections over time, tiles."""
