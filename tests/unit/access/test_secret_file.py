"""Files of secrets, and the owner's token in one."""

import os
import stat

import pytest

from mainspring.access.errors import SecretFileRefused
from mainspring.access.owner import load_or_create_token
from mainspring.access.scope import PERMISSIONS, Demand
from mainspring.access.secret_file import new_secret_file, replace_secret, secret_in
from tests.unit.access.conftest import ADA


@pytest.fixture
def load(state, tokens, clock, tmp_path):
    """The owner's token, as the file in the folder has it."""

    def load(*environments):
        names = list(environments or ["dev"])
        return load_or_create_token(
            tmp_path / "token", state, tokens, actor=ADA, environments=names, at=clock.now()
        )

    return load


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
def test_a_secret_is_its_owners_whatever_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        with new_secret_file(tmp_path / "secret") as file:
            file.write("abc")
    finally:
        os.umask(before)
    assert (mode_of(tmp_path / "secret"), secret_in(tmp_path / "secret")) == (0o600, "abc")


def test_a_secret_is_written_through_no_link_and_over_nothing(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").write_text("mine")
    for name in ("link", "file", "", "nowhere/secret"):
        with pytest.raises(SecretFileRefused), new_secret_file(tmp_path / name):
            pytest.fail("it was made")
    assert not (tmp_path / "elsewhere").exists()
    assert (tmp_path / "file").read_text() == "mine"


def test_a_secret_that_was_not_made_leaves_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError), new_secret_file(tmp_path / "secret"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_secret_is_read_from_a_plain_file(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    (tmp_path / "plain").write_text("abc\n")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"a" * 5_000)
    (tmp_path / "odd").write_bytes(b"\xff")
    assert secret_in(tmp_path / "plain") == "abc"
    for name in ("link", "folder", "pipe", "large", "odd", "missing"):
        with pytest.raises(SecretFileRefused):
            secret_in(tmp_path / name)


def test_a_link_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "secret").symlink_to(tmp_path / "elsewhere")
    replace_secret(tmp_path / "secret", "abc")
    assert not (tmp_path / "secret").is_symlink()
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_the_owners_token_is_made_once_and_read_by_its_owner_alone(load, guard, tmp_path):
    first, again = load(), load()
    assert first == again == (tmp_path / "token").read_text().strip()
    assert mode_of(tmp_path / "token") == 0o600
    for permission in PERMISSIONS:
        assert guard.authorise(f"Bearer {first}", Demand(permission, "environment")) == ADA


def test_the_owners_token_does_not_expire(load, tokens):
    load()
    assert [listing.expires_at for listing in tokens.list()] == [None]


def test_a_token_file_of_another_state_is_replaced(load, guard, tmp_path):
    (tmp_path / "token").write_text("msp_of_yesterday\n")
    assert guard.authorise(f"Bearer {load()}", Demand("read")) == ADA


def test_the_owners_token_is_replaced_once_it_is_revoked(load, tokens):
    first = load()
    tokens.revoke(tokens.find(first).id)
    assert load() != first


def test_the_owners_token_is_replaced_where_it_is_not_for_enough(load):
    first = load("dev")
    assert load("dev", "test") != first


def test_a_token_file_that_others_can_read_is_replaced(load, tmp_path):
    first = load()
    (tmp_path / "token").chmod(0o644)
    assert load() != first
    assert mode_of(tmp_path / "token") == 0o600


def test_a_folder_in_the_place_of_a_token_is_refused(load, tmp_path):
    (tmp_path / "token").mkdir()
    with pytest.raises(SecretFileRefused):
        load()
    assert [path.name for path in tmp_path.iterdir()] == ["token"]
