"""Devices over MQTT 5; silence is a signal too. docs/mqtt.md is for the one who runs the broker."""

from __future__ import annotations

from connectors.mqtt.connector import MqttConnector

__all__ = ["MqttConnector"]
