"""Signed HTTPS calls after the Standard Webhooks specification: in, and back. docs/webhook.md is for the partner."""

from __future__ import annotations

from connectors.webhook.connector import WebhookConnector

__all__ = ["WebhookConnector"]
