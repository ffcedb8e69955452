"""Figures for papers that a tab composes, and what panels show as their data."""
