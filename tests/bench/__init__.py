"""Benchmarks: each figure beside a limit measured in the same run. They inform; they never decide a test."""
