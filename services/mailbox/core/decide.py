"""What becomes of a command in a mail domain: events, nothing because it is so already, or a refusal."""

from typing import assert_never

from contracts.decision import Order
from contracts.mailbox import (
    ActivateDomain,
    AllowSelfService,
    AssignDomain,
    ChangeNote,
    CleanMailbox,
    CloseDomain,
    CreateMailbox,
    DeleteMailbox,
    FollowPaidGroup,
    FollowTenant,
    ForbidSelfService,
    MailboxCommand,
    PurgeMailbox,
    RegisterDomain,
    RemoveDomain,
    RestoreMailbox,
    ResumeDomain,
    ResumeMailbox,
    SetMailboxLimit,
    SetPassword,
    SuspendDomain,
    SuspendMailbox,
)
from contracts.routing import (
    AddAlias,
    AddRule,
    ChangeRule,
    DisableCatchAll,
    EnableCatchAll,
    RemoveAlias,
    RemoveRule,
    SetContact,
)
from services.mailbox.core import decide_domain as domains
from services.mailbox.core import decide_mailbox as mailboxes
from services.mailbox.core import decide_routing as routing
from services.mailbox.core.domain import Domain
from services.mailbox.core.standing import Decision


def decide(command: MailboxCommand, domain: Domain, order: Order) -> Decision:
    """Judge one command against the domain as it is. Only reads the state; `order` says who asks, and when."""
    match command:
        case CreateMailbox():
            return mailboxes.create_mailbox(command, domain, order)
        case ChangeNote():
            return mailboxes.change_note(command, domain, order)
        case SetPassword():
            return mailboxes.set_password(command, domain, order)
        case AllowSelfService():
            return mailboxes.allow_self_service(command, domain, order)
        case ForbidSelfService():
            return mailboxes.forbid_self_service(command, domain, order)
        case SuspendMailbox():
            return mailboxes.suspend_mailbox(command, domain, order)
        case ResumeMailbox():
            return mailboxes.resume_mailbox(command, domain, order)
        case CleanMailbox():
            return mailboxes.clean_mailbox(command, domain, order)
        case DeleteMailbox():
            return mailboxes.delete_mailbox(command, domain, order)
        case RestoreMailbox():
            return mailboxes.restore_mailbox(command, domain, order)
        case PurgeMailbox():
            return mailboxes.purge_mailbox(command, domain, order)
        case AddRule():
            return routing.add_rule(command, domain, order)
        case ChangeRule():
            return routing.change_rule(command, domain, order)
        case RemoveRule():
            return routing.remove_rule(command, domain, order)
        case AddAlias():
            return routing.add_alias(command, domain, order)
        case RemoveAlias():
            return routing.remove_alias(command, domain, order)
        case EnableCatchAll():
            return routing.enable_catch_all(command, domain, order)
        case DisableCatchAll():
            return routing.disable_catch_all(domain, order)
        case SetContact():
            return routing.set_contact(command, domain, order)
        case RegisterDomain():
            return domains.register_domain(command, domain, order)
        case ActivateDomain():
            return domains.activate_domain(command, domain, order)
        case SuspendDomain():
            return domains.suspend_domain(command, domain, order)
        case ResumeDomain():
            return domains.resume_domain(domain, order)
        case CloseDomain():
            return domains.close_domain(domain, order)
        case RemoveDomain():
            return domains.remove_domain(domain, order)
        case SetMailboxLimit():
            return domains.set_mailbox_limit(command, domain, order)
        case AssignDomain():
            return domains.assign_domain(command, domain, order)
        case FollowTenant():
            return domains.follow_tenant(command, domain, order)
        case FollowPaidGroup():
            return domains.follow_paid_group(command, domain, order)
        case _:
            assert_never(command)
