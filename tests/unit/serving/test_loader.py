"""What an endpoint answers with is what the environment's version says, and nothing else."""

from collections import Counter
from dataclasses import replace

import pytest
from sklearn.linear_model import LogisticRegression

import mainspring as ms
from mainspring import col
from mainspring.elements.identity import canonical_json
from mainspring.gates.policy import TrustPolicy
from mainspring.gates.release.memory import ProcessSequences
from mainspring.ports.placement import ON_CPU, NodesElsewhere, Placement, ProviderMissing
from mainspring.ports.state import Change
from mainspring.project.loader.load import load_definitions
from mainspring.registry.environment import EnvironmentVersion, definition_key
from mainspring.registry.read_environment import read_environment, read_past_environment
from mainspring.serving.errors import NotServing
from mainspring.serving.execution.warm_up import ROWS
from mainspring.serving.host import ServedEnvironment
from mainspring.serving.loader import EnvironmentLoader
from mainspring.serving.rollouts.state import (
    EndpointRevision,
    EndpointRollout,
    Rollouts,
    revision_of,
)
from mainspring.serving.served_endpoint import require_placed

SALES = ms.Source(
    "sales",
    id="sale",
    event_time="at",
    contract=ms.Contract(
        sale=ms.String(), shop=ms.String(), at=ms.Timestamp(), amount=ms.Float64()
    ),
)
TAKINGS = ms.FeatureView(
    "takings",
    source=SALES,
    entities=[ms.Entity("shop")],
    windows=["1h"],
    features={"sales": ms.count()},
)
LATE = ms.TrainingSet(
    "late",
    spine=SALES,
    prediction_time=col("at"),
    request=["shop"],
    label=ms.Label(SALES, col("amount") > 1, join_on="sale"),
    features=[TAKINGS],
    split=ms.split_by_time(
        train_from="2024-05-01", test_from="2024-05-03", test_until="2024-05-05"
    ),
)
NOTHING = ServedEnvironment(environment="dev", version=-1)
MODELS = ((1, "model.first"), (2, "model.second"))
CANARY = ms.Canary(steps=[5, 100], hold="10m")


@ms.model(LATE)
def first(train, run):
    return LogisticRegression().fit(train.X, train.y)


@ms.model(LATE)
def second(train, run):
    return LogisticRegression(C=0.1).fit(train.X, train.y)


class CountedState:
    """State that counts which documents are read."""

    def __init__(self, state):
        self._state, self.read = state, Counter()

    def get(self, kind, key):
        self.read[kind] += 1
        return self._state.get(kind, key)

    def __getattr__(self, name):
        return getattr(self._state, name)


def declared(model, **said):
    return [ms.Endpoint("late", model=model, **said), first, second]


@pytest.fixture
def workspace():
    """An endpoint of the first model, applied; and then of the second."""
    opened = ms.Workspace.in_memory(declared(first))
    rows = [
        {
            "sale": f"{hour}",
            "shop": "aab"[hour % 3],
            "at": f"2024-05-0{1 + hour // 24}T{hour % 24:02}:30:00Z",
            "amount": 2.0 * (hour % 3 == 1 or hour % 5 == 0),
        }
        for hour in range(96)
    ]
    opened.ingest("sales", rows, history=True)
    opened.apply()
    edited = load_definitions(declared(second, rollout=CANARY))
    ms.Workspace(edited, opened.runtime, environment="dev", folder=None).apply()
    return opened


class CountedScorers:
    """Opens models as others do, and notes how many rows they score at a time."""

    def __init__(self, scorers):
        self._scorers, self.opened, self.sizes = scorers, 0, []

    def open(self, model, place=ON_CPU):
        self.opened += 1
        return CountedScorer(self._scorers.open(model, place), self.sizes)


class CountedScorer:
    """A scorer that notes its calls; all else is that of the one within."""

    def __init__(self, scorer, sizes):
        self._scorer, self._sizes = scorer, sizes

    def __getattr__(self, name):
        return getattr(self._scorer, name)

    def predict(self, matrix):
        self._sizes.append(len(matrix))
        return self._scorer.predict(matrix)


@pytest.fixture
def loader(workspace):
    """A loader that asks for proofs, as that of a protected environment does."""
    trust = TrustPolicy(
        protected=True,
        requires=("gates",),
        trust={"tester": (workspace.runtime.signer.public_key,)},
    )
    return replace(workspace.loader, policy=trust)


def label(served):
    return served.endpoints["late"].current.label


def version(workspace, number) -> EnvironmentVersion:
    past = read_past_environment(workspace.runtime.state, "dev", number)
    assert past is not None
    return past


def moved_to(workspace, past: EnvironmentVersion) -> None:
    """Let the environment hold what an earlier version held."""
    workspace.runtime.state.commit([Change("environment", "dev", canonical_json(past))], [])


def test_the_model_is_that_of_the_map_whatever_is_declared(workspace, loader):
    said = workspace.project.declarations.endpoints[0].model.name
    assert (said, label(loader.load(NOTHING))) == ("first", "second v1")


def test_a_map_that_is_restored_names_the_model_that_it_named(workspace, loader):
    served = loader.load(NOTHING)
    workspace.rollback()
    assert label(loader.load(served)) == "first v1"


def test_a_map_that_was_put_back_in_the_state_is_refused(workspace, loader):
    served = loader.load(NOTHING)
    moved_to(workspace, version(workspace, 1))
    kept = loader.load(served).endpoints["late"]
    assert kept.current.label == "second v1"
    assert "release stale (version 1, and 2 was seen or is asked for)" in kept.refusal
    fresh = replace(loader, memory=ProcessSequences()).load(NOTHING).endpoints["late"]
    assert fresh.current.label == "second v1"
    assert "release stale (version 2 was released after version 1)" in fresh.refusal


def on_record(workspace, **fields):
    """Let the first revision be in charge, and the second be as these fields say."""
    held = [revision_of(version(workspace, number), "late", model) for number, model in MODELS]
    rollout = EndpointRollout(stable=held[0], **fields)
    record = Rollouts(environment="dev", endpoints={"late": rollout})
    workspace.runtime.state.commit([Change("rollout", "dev", canonical_json(record))], [])
    return held[1]


@pytest.mark.parametrize("is_protected", [True, False])
def test_a_server_that_starts_goes_on_with_the_shares_on_record(workspace, loader, is_protected):
    new = on_record(workspace)
    on_record(workspace, candidate=new, kind="Canary", phase="running", share=5)
    policy = loader.policy if is_protected else workspace.loader.policy
    fresh = replace(loader, policy=policy).load(NOTHING).endpoints["late"]
    assert (fresh.current.label, fresh.previous.label, fresh.share) == ("second v1", "first v1", 5)
    assert fresh.rollout == CANARY


def test_a_revision_that_is_not_on_record_yet_answers_nobody(workspace, loader):
    on_record(workspace)
    assert loader.load(NOTHING).endpoints["late"].share == 0


def test_a_revision_on_record_that_no_map_holds_is_not_believed(workspace, loader):
    new = on_record(workspace)
    forged = EndpointRevision(name="forged", version=new.version, map_version=1)
    record = Rollouts(environment="dev", endpoints={"late": EndpointRollout(stable=forged)})
    workspace.runtime.state.commit([Change("rollout", "dev", canonical_json(record))], [])
    fresh = loader.load(NOTHING).endpoints["late"]
    assert (fresh.current.label, fresh.previous, fresh.share) == ("second v1", None, 100)


def test_a_rollback_has_no_steps(workspace, loader):
    workspace.rollback()
    assert loader.load(NOTHING).endpoints["late"].rollout is None


def test_every_model_runs_once_for_each_size_before_it_is_ready(workspace, loader):
    scorers = CountedScorers(workspace.runtime.scorers)
    fresh = replace(loader, ports=replace(loader.ports, scorers=scorers))
    served = fresh.load(NOTHING)
    assert (scorers.opened, scorers.sizes) == (1, [*ROWS])
    fresh.load(served)
    assert scorers.sizes == [*ROWS], "what is open is not run again"


def test_while_the_map_stands_two_documents_are_read(workspace, loader):
    served = loader.load(NOTHING)
    state = CountedState(workspace.runtime.state)
    counting = EnvironmentLoader(replace(loader.ports, state=state), "dev", policy=loader.policy)
    assert counting.load(served) is served
    assert state.read == {"environment": 1, "rollout": 1}


def test_an_endpoint_whose_definition_says_nothing_of_a_model_is_refused(workspace, loader):
    pointer = read_environment(workspace.runtime.state, "dev").pointers["endpoint.late"]
    key = definition_key(pointer.asset, pointer.build_fingerprint, pointer.policy_fingerprint)
    empty = b'{"asset":"endpoint.late","build":{},"policy":{},"parents":{}}'
    workspace.runtime.state.commit([Change("definition", key, empty)], [])
    refused = loader.load(NOTHING).endpoints["late"]
    assert refused.refusal.startswith("SRV-002")
    assert "the definition of endpoint.late was changed" in refused.refusal
    assert refused.current.label == "first v1"


def test_who_is_not_trusted_proves_nothing(loader):
    strangers = replace(loader, policy=replace(loader.policy, trust={}))
    refused = strangers.load(NOTHING).endpoints["late"]
    assert (refused.current, "untrusted" in refused.refusal) == (None, True)


def test_how_an_endpoint_logs_follows_the_map_and_makes_no_revision(workspace, loader):
    served = workspace.loader.load(NOTHING)
    logging(workspace, sample=0.5)
    fresh = workspace.loader.load(served).endpoints["late"]
    assert str(served.endpoints["late"].log) == "process"
    assert str(fresh.log) == "process, 50 % sampled"
    assert fresh.revision.name == served.endpoints["late"].revision.name


def test_what_an_environment_says_of_its_log_holds_where_the_endpoint_says_nothing(workspace):
    environment = ms.InferenceLog(durability="disk", sample=0.5)
    logging(workspace, sample=0.25)
    fresh = replace(workspace.loader, log=environment).load(NOTHING).endpoints["late"]
    assert str(fresh.log) == "disk, 25 % sampled"


def test_a_protected_environment_serves_no_endpoint_that_leaves_predictions_out(workspace, loader):
    before = loader.load(NOTHING)
    assert str(before.endpoints["late"].log) == "disk"
    logging(workspace, asynchronous=True)
    kept = loader.load(before).endpoints["late"]
    assert (kept.current.label, str(kept.log)) == ("second v1", "disk")
    assert kept.refusal.startswith("SRV-110 endpoint late declares asynchronous=True")


def logging(workspace, **said):
    """Apply the endpoint with another log."""
    log = ms.InferenceLog(**said)
    edited = load_definitions(declared(second, rollout=CANARY, log=log))
    ms.Workspace(edited, workspace.runtime, environment="dev", folder=None).apply()


class NoGpu:
    """Opens models on the CPU; on CUDA none, or none of some labels, as a build without it."""

    def __init__(self, scorers, error, *, refused=lambda model: True):
        self._scorers, self._error, self._refused, self.places = scorers, error, refused, []

    def open(self, model, place=ON_CPU):
        self.places.append(place)
        if place.provider != "cpu" and self._refused(model):
            raise self._error
        return self._scorers.open(model, ON_CPU)


MISSING = ProviderMissing(provider="cuda", installed="cpu")
IDLE = NodesElsewhere(provider="cuda", nodes=3, elsewhere=3, operators="TreeEnsemble")


def placed(loader, scorers):
    ports = replace(loader.ports, scorers=scorers)
    return replace(loader, ports=ports, place=Placement(provider="cuda"))


@pytest.mark.parametrize("error", [MISSING, IDLE])
def test_a_model_that_cannot_compute_as_declared_answers_nowhere_else(workspace, loader, error):
    scorers = NoGpu(workspace.runtime.scorers, error)
    refused = placed(loader, scorers).load(NOTHING).endpoints["late"]
    assert (refused.current, refused.unplaced) == (None, error)
    assert {place.provider for place in scorers.places} == {"cuda"}
    with pytest.raises(type(error), match=error.code):
        refused.require_model()
    with pytest.raises(type(error), match=error.code):
        require_placed([refused])


def test_what_answered_before_goes_on_beside_a_model_that_cannot_compute(workspace, loader):
    newest = workspace.models.load("second").onnx
    scorers = NoGpu(workspace.runtime.scorers, IDLE, refused=lambda model: model.payload == newest)
    kept = placed(loader, scorers).load(NOTHING).endpoints["late"]
    assert (kept.current.label, kept.refusal[:7]) == ("first v1", "SRV-122")
    require_placed([kept])


def test_an_endpoint_that_is_refused_for_another_reason_keeps_no_server_from_starting(loader):
    strangers = replace(loader, policy=replace(loader.policy, trust={}))
    refused = strangers.load(NOTHING).endpoints["late"]
    require_placed([refused])
    with pytest.raises(NotServing):
        refused.require_model()
