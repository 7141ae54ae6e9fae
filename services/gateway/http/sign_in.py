"""The names that routes used before `acting`, until they ask for `Acting`."""

from typing import Annotated

from fastapi import Depends

from contracts.ids import TenantId
from services.gateway.http.acting import Acting, SignedIn


async def _tenant(acting: Acting) -> TenantId:
    return acting.tenant


ActingFor = Annotated[TenantId, Depends(_tenant)]
Operator = SignedIn
