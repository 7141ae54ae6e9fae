"""Who may do what, where: permissions as data, and the pure questions that are asked of them.

A permission is pages × actions × where. Whoever may change, enter or destroy something may also see it.
"""

from typing import Annotated, Final, Literal, get_args

from msgspec import Meta, Struct

PageName = Literal[
    "mailboxes", "import", "export", "archive", "rules", "domains", "users", "groups", "audit", "events"
]
Action = Literal["see", "change", "enter", "destroy"]
Scope = Literal["all", "domains", "groups", "assigned"]
Role = Literal["operator", "owner", "sub_user", "auditor"]

PAGES: Final[tuple[PageName, ...]] = get_args(PageName)
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)

PERMISSIONS_MAX: Final = 100
SCOPE_NAMES_MAX: Final = 1_000

ScopeName = Annotated[str, Meta(min_length=1, max_length=253, pattern="^[a-z0-9.-]+$")]


class Permission(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be done on one page. `names` are A-labels or ids of paid groups, as `scope` says, else none.

    The scope "assigned" is the domains that are assigned to the holder as an employee.
    """

    page: PageName
    actions: Annotated[tuple[Action, ...], Meta(min_length=1, max_length=len(ACTIONS))]
    scope: Scope = "all"
    names: Annotated[tuple[ScopeName, ...], Meta(max_length=SCOPE_NAMES_MAX)] = ()


Permissions = Annotated[tuple[Permission, ...], Meta(max_length=PERMISSIONS_MAX)]


class Reach(Struct, frozen=True, kw_only=True):
    """Where something may be done: everywhere, or in the union of what is named."""

    everywhere: bool = False
    domains: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    assigned: bool = False

    def __bool__(self) -> bool:
        return self.everywhere or self.assigned or bool(self.domains) or bool(self.groups)

    def covers(self, domain: str, group: str | None, *, assigned: bool) -> bool:
        """Say whether a domain is within. `group` is its paid group, `assigned` whether it is the holder's own."""
        return (
            self.everywhere
            or domain in self.domains
            or (group is not None and group in self.groups)
            or (self.assigned and assigned)
        )

    def includes(self, other: "Reach") -> bool:
        """Say whether `other` names nothing that is not within. A domain is not looked up in a group's."""
        return self.everywhere or (
            not other.everywhere
            and other.domains <= self.domains
            and other.groups <= self.groups
            and (self.assigned or not other.assigned)
        )


EVERYWHERE: Final = Reach(everywhere=True)
NOWHERE: Final = Reach()


def reach(permissions: tuple[Permission, ...], page: PageName, action: Action) -> Reach:
    """Give where the holder of `permissions` may do `action` on `page`."""
    everywhere = assigned = False
    domains: set[str] = set()
    groups: set[str] = set()
    for each in permissions:
        if each.page != page or not (action == "see" or action in each.actions):
            continue
        match each.scope:
            case "all":
                everywhere = True
            case "assigned":
                assigned = True
            case "domains":
                domains.update(each.names)
            case "groups":
                groups.update(each.names)
    if everywhere:
        return EVERYWHERE
    return Reach(domains=frozenset(domains), groups=frozenset(groups), assigned=assigned)


def role_reach(role: Role, permissions: tuple[Permission, ...], page: PageName, action: Action) -> Reach:
    """Give where a person or key may do `action` on `page`: a sub-user by permissions, the others by their role.

    An auditor reads everything of the tenant and changes nothing, but may export, which is recorded.
    """
    match role:
        case "operator" | "owner":
            return EVERYWHERE
        case "auditor":
            return EVERYWHERE if action == "see" or (page == "export" and action == "change") else NOWHERE
        case "sub_user":
            return reach(permissions, page, action)


def within(
    wanted_role: Role, wanted: tuple[Permission, ...], role: Role, granted: tuple[Permission, ...]
) -> bool:
    """Say whether whoever has `role` and `granted` may hand out `wanted_role` with `wanted`: nothing beyond their own."""
    if wanted_role == "operator":
        return role == "operator"
    return all(
        role_reach(role, granted, page, action).includes(role_reach(wanted_role, wanted, page, action))
        for page in PAGES
        for action in ACTIONS
    )
