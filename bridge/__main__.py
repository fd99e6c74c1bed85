"""`mpc-bridge`, also as `python -m bridge`."""

from bridge.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
