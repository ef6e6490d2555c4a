"""Every promise of a connector, kept in a folder and over SFTP."""

from __future__ import annotations

import pytest

from connectors.testing import ConnectorContract
from tests.connectors.files.dropping import FolderPartner, SftpPartner


class TestFolder(ConnectorContract):
    partner = FolderPartner


@pytest.mark.faults
class TestSftp(ConnectorContract):
    partner = SftpPartner
