"""The guarantees of every signer and its verifier."""

import base64

import pytest

from mainspring.ports.signer import PublicKey, Signature, Signer, Verifier

__all__ = ["SignerContract"]


class SignerContract:
    """Override `signer`, `other` (a signer with another key) and `verifier`."""

    @pytest.fixture
    def signer(self) -> Signer:
        """A signer."""
        raise NotImplementedError

    @pytest.fixture
    def other(self) -> Signer:
        """A signer with another key."""
        raise NotImplementedError

    @pytest.fixture
    def verifier(self) -> Verifier:
        """What checks both."""
        raise NotImplementedError

    def test_a_signature_by_a_trusted_key_is_valid(
        self, signer: Signer, other: Signer, verifier: Verifier
    ) -> None:
        """Among several trusted keys."""
        assert verifier.is_valid(
            b"verdict", signer.sign(b"verdict"), [other.public_key, signer.public_key]
        )

    def test_another_message_is_not_signed(self, signer: Signer, verifier: Verifier) -> None:
        """One bit is enough."""
        assert not verifier.is_valid(b"Verdict", signer.sign(b"verdict"), [signer.public_key])

    def test_a_good_signature_by_an_untrusted_key_is_not_valid(
        self, signer: Signer, other: Signer, verifier: Verifier
    ) -> None:
        """Trust is the verifier's."""
        assert not verifier.is_valid(b"verdict", other.sign(b"verdict"), [signer.public_key])

    def test_a_signature_under_somebody_elses_name_is_not_valid(
        self, signer: Signer, other: Signer, verifier: Verifier
    ) -> None:
        """The key that is named must have made it."""
        forged = Signature(signer.public_key, other.sign(b"verdict").value)
        assert not verifier.is_valid(b"verdict", forged, [signer.public_key])

    def test_nonsense_is_not_valid_and_no_error(self, verifier: Verifier) -> None:
        """Keys come from configuration, signatures from anywhere."""
        for key in (PublicKey("ed25519:???"), PublicKey("rsa:AAAA"), PublicKey("")):
            assert not verifier.is_valid(b"verdict", Signature(key, b"short"), [key])

    def test_a_public_key_is_text_for_a_configuration_file(self, signer: Signer) -> None:
        """`ed25519:` and 32 bytes in base64."""
        kind, _, encoded = signer.public_key.partition(":")
        assert (kind, len(base64.b64decode(encoded, validate=True))) == ("ed25519", 32)
