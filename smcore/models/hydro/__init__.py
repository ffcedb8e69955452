"""Our configuration of the multiscale LSTM: features, members, ensemble."""
