"""What is under docker/ fits the code, and the tools that will read it."""
