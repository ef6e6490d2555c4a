"""What every connector must keep, as tests: subclass `ConnectorContract`, say in a `Partner` how the other side acts.

    class FilesPartner(Partner):
        connector = FilesConnector
        ...

    class TestFiles(ConnectorContract):
        partner = FilesPartner

Needs pytest and pytest-asyncio in auto mode; nothing here runs outside tests.
"""

import pytest

pytest.register_assert_rewrite("connectors.testing.contract", "connectors.testing.stage")

from connectors.testing.contract import ConnectorContract  # noqa: E402 - behind the line that explains its asserts
from connectors.testing.partner import Answer, Partner, free_port  # noqa: E402
from connectors.testing.recording import Recording  # noqa: E402
from connectors.testing.stage import Stage, staged, until  # noqa: E402

__all__ = ["Answer", "ConnectorContract", "Partner", "Recording", "Stage", "free_port", "staged", "until"]
