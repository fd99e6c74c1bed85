"""A certificate that is renewed."""

import logging
import ssl
from pathlib import Path

import pytest
import trustme

from bridge.errors import ConfigError
from bridge.server.tls import Certificate


def written(folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    made = trustme.CA().issue_cert(name)
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(each.bytes() for each in made.cert_chain_pems))
    made.private_key_pem.write_to_path(str(key))
    return chain, key


def test_it_is_loaded_anew_only_when_it_has_changed(tmp_path: Path) -> None:
    """On the same context, so that listeners need not know."""
    certificate = Certificate(*written(tmp_path))
    context = certificate.context
    assert not certificate.reload()
    written(tmp_path)
    assert certificate.reload()
    assert certificate.context is context
    assert not certificate.reload()


def test_half_a_renewal_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The old pair serves on; it is said once, and the rest of the renewal is seen."""
    chain, key = written(tmp_path)
    certificate = Certificate(chain, key)
    old_key = key.read_bytes()
    written(tmp_path)
    new_key = key.read_bytes()
    key.write_bytes(old_key)

    with caplog.at_level(logging.ERROR):
        assert not certificate.reload()
        assert not certificate.reload()
    assert len(caplog.records) == 1
    assert "not renewed" in caplog.text
    key.write_bytes(new_key)
    assert certificate.reload()


def test_a_missing_file_keeps_the_old_one(tmp_path: Path) -> None:
    """Renewals that remove before they write are no outage."""
    chain, key = written(tmp_path)
    certificate = Certificate(chain, key)
    chain.unlink()
    assert not certificate.reload()
    written(tmp_path)
    assert certificate.reload()


def test_what_is_no_certificate_is_told(tmp_path: Path) -> None:
    """Before anything is served: which file, and why."""
    chain, key = written(tmp_path)
    with pytest.raises(ConfigError, match="nothing.pem: No such file"):
        Certificate(tmp_path / "nothing.pem", None)
    with pytest.raises(ConfigError, match="no certificate and its key"):
        Certificate(chain, chain)
    (tmp_path / "both.pem").write_bytes(key.read_bytes() + chain.read_bytes())
    context = Certificate(tmp_path / "both.pem", None).context
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
