"""The rules of archives, holds and retrievals, without any machinery."""
