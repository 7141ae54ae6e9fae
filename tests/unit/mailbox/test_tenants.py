"""Who may own mail domains."""

from contracts.access import OnboardTenant, RenameTenant, TenantOnboarded, TenantRenamed
from tests.kit.given import SOMEBODY_ELSE, US, refused
from tests.kit.given_tenant import OPERATOR, a_tenant, given_tenant


def test_a_customer_is_onboarded() -> None:
    given_tenant().when(OnboardTenant(title="Demo")).then(TenantOnboarded(title="Demo"))


def test_onboarding_a_known_customer_changes_nothing() -> None:
    given_tenant(a_tenant("Demo")).when(OnboardTenant(title="Demo")).then_nothing()
    given_tenant(a_tenant("Demo")).when(OnboardTenant(title="Another")).then_nothing()


def test_a_customer_gets_another_title() -> None:
    given_tenant(a_tenant("Demo")).when(RenameTenant(title="Demo GmbH")).then(
        TenantRenamed(title="Demo GmbH")
    )


def test_the_same_title_changes_nothing() -> None:
    given_tenant(a_tenant("Demo")).when(RenameTenant(title="Demo")).then_nothing()


def test_an_unknown_customer_is_not_renamed() -> None:
    given_tenant().when(RenameTenant(title="Demo")).then(refused("tenant_unknown"))


def test_nobody_orders_for_another_customer() -> None:
    given_tenant(a_tenant()).when(RenameTenant(title="Mine"), by=SOMEBODY_ELSE).then(
        refused("tenant_unknown")
    )
    given_tenant().when(OnboardTenant(title="Mine"), by=SOMEBODY_ELSE).then(refused("tenant_unknown"))


def test_each_change_of_a_customer_is_a_version() -> None:
    history = given_tenant(a_tenant()).history
    history.obey(RenameTenant(title="Second"), actor=OPERATOR)
    history.obey(RenameTenant(title="Third"), actor=OPERATOR)
    assert history.state.title == "Third"
    assert history.state.version_of(US) == 3
    assert history.state.version_of(SOMEBODY_ELSE) == 0
