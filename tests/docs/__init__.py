"""The documentation is tested like code: its commands run, its links lead somewhere, its tables say what the code says."""
