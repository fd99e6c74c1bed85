"""Captured calls, each a regression test; `make.py` made the first of them."""
