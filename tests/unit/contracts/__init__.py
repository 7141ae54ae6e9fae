"""What the contracts say by themselves: patterns, the order of routing, warnings."""
