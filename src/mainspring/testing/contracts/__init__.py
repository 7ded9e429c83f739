"""One suite per port.  An engine's author subclasses it under a name that pytest collects,
overrides its fixture, and has promised what it checks.

class TestMyObjects(ObjectsContract):
    @pytest.fixture
    def objects(self, tmp_path):
        return MyObjects(tmp_path)
"""

from mainspring.testing.contracts.backup import BackupContract
from mainspring.testing.contracts.compute import ComputeContract
from mainspring.testing.contracts.folders import FoldersContract
from mainspring.testing.contracts.http import HttpServerContract
from mainspring.testing.contracts.leases import LeasesContract
from mainspring.testing.contracts.log import LogContract
from mainspring.testing.contracts.objects import ObjectsContract
from mainspring.testing.contracts.online import OnlineContract
from mainspring.testing.contracts.signer import SignerContract
from mainspring.testing.contracts.state import StateContract
from mainspring.testing.contracts.tables import TablesContract

__all__ = [
    "BackupContract",
    "ComputeContract",
    "FoldersContract",
    "HttpServerContract",
    "LeasesContract",
    "LogContract",
    "ObjectsContract",
    "OnlineContract",
    "SignerContract",
    "StateContract",
    "TablesContract",
]
