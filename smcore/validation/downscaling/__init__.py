"""Tests of a downscaled product."""
