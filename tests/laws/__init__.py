"""What holds for every message and every sequence of commands."""
