"""What was said once in a topic must be understood for ever."""
