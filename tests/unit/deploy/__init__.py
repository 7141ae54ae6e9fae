"""What a stack keeps in its folder."""
