"""The packaged catalogues and checkpoints: data files only."""
