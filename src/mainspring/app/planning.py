"""Make a plan, and open for it no more than a plan reads: it is asked for many times a day and must
answer at once.
"""

from pathlib import Path

from mainspring.app.engines import open_log
from mainspring.app.errors import UnknownEnvironment
from mainspring.elements.events import ProjectName
from mainspring.engines.local.state import SqliteState
from mainspring.ports.log import LogReader
from mainspring.ports.state import StateReader
from mainspring.project.configured.config import EnvironmentConfig
from mainspring.project.declared.load import Project, load_project
from mainspring.project.performed.read import read_environment, read_world
from mainspring.project.planned.plan import Plan, make_plan
from mainspring.sources.files import count_rows
from mainspring.sources.spec import Source
from mainspring.sources.topic import topic_of

__all__ = ["STATE_FOLDER", "environment_config", "plan_environment", "plan_project", "state_folder"]

STATE_FOLDER = ".mainspring"


def state_folder(path: Path) -> Path:
    """Where the state of the project at a folder or file lies; made, for its owner alone, where it
    is absent.
    """
    folder = (path if path.is_dir() else path.parent).resolve() / STATE_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def environment_config(project: Project, env: str) -> EnvironmentConfig:
    """The settings of an environment.  Raises: ACC-004 for one that the project does not have."""
    environments = project.config.environments
    if env not in environments:
        raise UnknownEnvironment(environment=env, known=", ".join(environments))
    return environments[env]


def plan_project(path: Path, env: str) -> Plan:
    """The plan of the project at a folder or file.  Raises: PRJ-020, ACC-004.  Cost: no data is
    read, but for counting the rows of new files.
    """
    project = load_project(path)
    engines, folder, name = (
        environment_config(project, env).engines,
        state_folder(path),
        project.config.name,
    )
    state, log = (
        SqliteState(folder / "state.db", ProjectName(name)),
        open_log(engines.log, folder, project=name),
    )
    try:
        return plan_environment(project, env, state=state, log=log)
    finally:
        state.close()
        log.close()


def plan_environment(project: Project, env: str, *, state: StateReader, log: LogReader) -> Plan:
    """What it takes to make the environment hold what is declared."""
    rows = {source.name: _rows_of(source, project, log) for source in project.declarations.sources}
    world = read_world(
        state, project.graph, read_environment(state, env), rows=rows, cost=project.config.cost
    )
    return make_plan(project.config.name, project.graph, world)


def _rows_of(source: Source, project: Project, log: LogReader) -> int:
    """The rows that the log holds of a source, or those of its file while it holds none."""
    head = log.head(topic_of(source.name))
    return (
        head
        if head or source.path is None
        else count_rows(source, Path(project.declarations.root) / source.path)
    )
