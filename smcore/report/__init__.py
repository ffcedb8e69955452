"""One self-contained HTML file that says what a run compared, how, and what came out, station by station."""
