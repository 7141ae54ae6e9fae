"""Everything that brings Postfach up somewhere: the embedded stack, topics and migrations, container files."""
