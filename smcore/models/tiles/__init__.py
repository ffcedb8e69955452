"""Models of rectangles cut into tiles on the lattice of the whole grid."""
