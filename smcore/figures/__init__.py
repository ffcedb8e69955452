"""Figures for files, drawn by matplotlib."""
