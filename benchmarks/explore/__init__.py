"""The parts of ``bench_app.py``: the world it is measured on, the page, the bare image beside it, many sessions."""
