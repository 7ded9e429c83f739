"""Make a plan, and open only what a plan reads: it runs many times a day and has to be fast."""

from pathlib import Path

from mainspring.app.engines import open_log, open_objects, open_state
from mainspring.maintenance.upgrade import require_known_format
from mainspring.project.config.config import STATE_FOLDER
from mainspring.project.loader.load import load_project
from mainspring.project.plan.plan import Plan
from mainspring.project.plan.read import DataChoices, plan_environment, read_origins

__all__ = ["has_state", "plan_project", "state_folder"]


def has_state(path: Path) -> bool:
    """Whether the project at a folder or file was ever opened."""
    return _state_folder(path).is_dir()


def state_folder(path: Path) -> Path:
    """Where the state of the project at a folder or file lies; made, for its owner alone, where it
    is absent.
    """
    folder = _state_folder(path)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _state_folder(path: Path) -> Path:
    return (path if path.is_dir() else path.parent).resolve() / STATE_FOLDER


def plan_project(path: Path, env: str, data: DataChoices) -> Plan:
    """The plan of the project at a folder or file.

    Raises: ProjectErrors PRJ-020, UnknownEnvironment ACC-004, NewerFormat REG-005, RawRowsTrimmed
        SRC-032.
    Cost: no data is read, but for counting the rows of new files, and reading those that changed.
    """
    project = load_project(path)
    engines, folder, name = (
        project.config.environment(env).engines,
        state_folder(path),
        project.config.name,
    )
    state, log = (
        open_state(engines.state, folder, project=name),
        open_log(engines.log, folder, project=name),
    )
    try:
        require_known_format(state)
        project = project.with_origins(read_origins(state))
        objects = open_objects(engines.objects, folder / "objects")
        return plan_environment(project, env, state=state, log=log, objects=objects, data=data)
    finally:
        state.close()
        log.close()
