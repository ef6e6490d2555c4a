"""Files that agencies drop in a folder or over SFTP, and the reports they find there. Start at `connector`."""

from connectors.files.connector import FilesConnector

__all__ = ["FilesConnector"]
