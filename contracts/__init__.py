"""The language between services: commands, events, outcomes, topics, and the pure folds that give events meaning."""
