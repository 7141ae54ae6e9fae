"""How the laws are tried: no deadline for one example, because a shared machine stalls now and then."""

from hypothesis import settings

settings.register_profile("laws", deadline=None)
settings.load_profile("laws")
