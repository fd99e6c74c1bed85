"""What costs what, measured; each is a program."""
