"""Proofs that the oracle sees what it is there to see: hand-made logs, each with one thing wrong."""
