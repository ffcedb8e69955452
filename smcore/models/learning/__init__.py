"""What trained models share: epochs, losses, statistics, the error band, transfers."""
