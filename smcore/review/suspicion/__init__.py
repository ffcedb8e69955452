"""What looks wrong about a sensor, for the eye of a reviewer: marks with a sentence each, never a verdict."""
