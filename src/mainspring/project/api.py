"""The route that moves a running environment: back to its previous version."""

from collections.abc import Callable

import msgspec

from mainspring.elements.events import Actor
from mainspring.ports.body import parse_body
from mainspring.ports.http import Call, Reply, Route, json_reply
from mainspring.project.deploy import EnvironmentDeployer
from mainspring.project.errors import PlanStale

__all__ = ["DeploymentApi", "RollbackBody"]


class RollbackBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a rollback.

    Args:
        from_version: of the environment, which is to be left: who asks twice for one rollback, as
            clients that lost the answer do, gets one.
    """

    from_version: int


class DeploymentApi:
    """The route that changes what an environment serves.

    Args:
        deployer: of the environment, in an actor's name.
    """

    def __init__(self, deployer: Callable[[Actor], EnvironmentDeployer]) -> None:
        self._deployer = deployer

    def routes(self) -> list[Route]:
        """The one route."""
        path = "/v1/environment/rollback"
        return [
            Route("POST", path, "operate", self.roll_back, blocks=True, alone=True, writes=True)
        ]

    def roll_back(self, call: Call) -> Reply:
        """`POST /v1/environment/rollback`: restore the previous version.

        Raises: BadRequest SRV-004 for another body; PlanStale FLO-026 where the environment is at
            another version, NothingToRollBack FLO-020, LeaseHeld FLO-001, ModelRefused SRV-002.
        """
        given = parse_body(call.body, RollbackBody).from_version
        deployer = self._deployer(call.actor)
        plan = deployer.plan_rollback()
        if plan.environment_version != given:
            moved = f"it is at version {plan.environment_version}, and not {given}"
            raise PlanStale(environment=plan.environment, act="roll back", moved=moved)
        report = deployer.apply(plan)
        return json_reply({"environment": report.environment, "version": report.version})
