"""The archive service: keeps what was put away, gives it back, and destroys it when its time is over."""
