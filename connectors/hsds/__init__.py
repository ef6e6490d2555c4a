"""Service directories in Open Referral HSDS 3, from a folder, a file or an API. Owns only its name."""

from connectors.hsds.connector import HsdsConnector

__all__ = ["HsdsConnector"]
