"""What wins of the option, the variables of OpenTelemetry and the settings."""

import pytest

from mainspring.engines.otel.errors import TracesUnusable
from mainspring.engines.otel.target import trace_target
from mainspring.ports.errors import SecretMissing
from mainspring.ports.traces import Sampling, TraceSettings

DECLARED = TraceSettings(endpoint="http://declared:4318", sampling=Sampling(share=0.25))
ALL, OURS = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


def address(declared=None, url="", **environment):
    target = trace_target(declared, url, environment)
    return target and target.url


def test_nothing_is_sent_where_nobody_asks():
    assert address() is None
    assert address(OTEL_SERVICE_NAME="shop", OTEL_TRACES_SAMPLER="always_on") is None


def test_the_option_wins_over_variables_and_they_over_settings():
    of_all = {ALL: "http://all:4318/"}
    assert address(DECLARED) == "http://declared:4318/v1/traces"
    assert address(DECLARED, **of_all) == "http://all:4318/v1/traces"
    # As OpenTelemetry has it, the address for traces alone is taken as it stands.
    assert address(DECLARED, **of_all, **{OURS: "http://t/in"}) == "http://t/in"
    assert address(DECLARED, "http://option", **of_all) == "http://option/v1/traces"


@pytest.mark.parametrize(
    "off", [{"OTEL_SDK_DISABLED": "TRUE"}, {"OTEL_TRACES_EXPORTER": "none"}], ids=str
)
def test_a_variable_turns_all_of_it_off(off):
    assert address(DECLARED, "http://option", **off) is None


def test_only_settings_and_the_option_insist():
    assert trace_target(DECLARED, "", {}).is_declared
    assert trace_target(None, "http://a", {}).is_declared
    assert not trace_target(None, "", {ALL: "http://a"}).is_declared


@pytest.mark.parametrize(
    ("name", "given", "sampling", "doubts"),
    [
        ("", "", Sampling(share=0.25), 0),
        ("always_on", "", Sampling(heeds_parent=False), 0),
        ("always_off", "", Sampling(share=0.0, heeds_parent=False), 0),
        ("parentbased_always_off", "", Sampling(share=0.0), 0),
        ("traceidratio", "0.5", Sampling(share=0.5, heeds_parent=False), 0),
        ("parentbased_traceidratio", "0.01", Sampling(share=0.01), 0),
        ("parentbased_traceidratio", "", Sampling(), 0),
        ("parentbased_traceidratio", "1.5", Sampling(), 1),
        ("parentbased_traceidratio", "nan", Sampling(), 1),
        ("jaeger_remote", "", Sampling(share=0.25), 1),
    ],
)
def test_a_sampler_of_the_environment_is_heeded_or_doubted(name, given, sampling, doubts):
    variables = {"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": given}
    target = trace_target(DECLARED, "", variables)
    assert (target.sampling, len(target.doubts)) == (sampling, doubts)


def test_headers_are_read_from_the_variables_that_are_named():
    declared = TraceSettings(endpoint="http://a", headers={"x-key": "KEY"})
    assert trace_target(declared, "", {"KEY": "secret"}).headers == {"x-key": "secret"}
    with pytest.raises(SecretMissing, match=r"traces.headers.x-key"):
        trace_target(declared, "", {})
    # The exporter reads these itself.
    assert trace_target(declared, "", {"OTEL_EXPORTER_OTLP_HEADERS": "a=b"}).headers == {}


def test_a_protocol_that_is_not_spoken_is_doubted():
    found = trace_target(DECLARED, "", {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}).doubts
    assert found == ("OTEL_EXPORTER_OTLP_PROTOCOL=grpc is not spoken here: http/protobuf is sent",)


@pytest.mark.parametrize("where", ["option", OURS, ALL])
def test_an_address_that_is_none_is_refused_by_its_place(where):
    url, variables = ("localhost", {}) if where == "option" else ("", {where: "localhost"})
    with pytest.raises(TracesUnusable) as refused:
        trace_target(None, url, variables)
    assert refused.value.where == ("--traces" if url else where)
