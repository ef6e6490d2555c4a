"""Configuration of the HL7 v2 connector, and what is looked at before it runs. Owns both; speaks no HL7."""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from connectors import tls
from connectors.checking import file_writable, pem_usable, port_free
from connectors.hl7v2.partner import Partner
from connectors.protocol import Check, Config
from hub.schemas.native.hl7 import CHARSETS

Port = Annotated[int, Field(ge=1, le=65_535)]


class Hl7v2Config(Config):
    """Where the hospital's interface engine sends to, and where answers go. Times are seconds, sizes bytes."""

    host: str = Field("127.0.0.1", description="Address to listen at; the one the engine can reach.")
    port: Port = 2575
    certificate_file: Path | None = Field(None, description="PEM chain; with it the listener speaks TLS alone.")
    key_file: Path | None = Field(None, description="PEM key of that certificate.")
    client_ca_file: Path | None = Field(None, description="Only clients whose certificate this CA signed are served.")
    partner_host: str = Field("", description="The engine's own listener, for RRI; empty: nothing is sent there.")
    partner_port: Port = 2576
    partner_tls: bool = False
    partner_ca_file: Path | None = Field(None, description="CA of the engine's certificate, if the system has it not.")
    memory_file: Path | None = Field(None, description="What is remembered between receipt and later changes.")
    folder: Path | None = Field(None, description="Messages as .hl7 files, for discover and backfill.")
    charset: str = Field("UNICODE UTF-8", description="Of answers to plain ASCII messages without MSH-18.")
    answer: Literal["rri", "ack"] = Field("rri", description="What a referral is answered by.")
    message_bytes: Annotated[int, Field(ge=1024, le=700_000)] = 524_288  # what fits the hub's bound as base64
    connections: Annotated[int, Field(ge=1, le=1000)] = 64
    idle_s: Annotated[float, Field(gt=0)] = 3600.0
    frame_s: Annotated[float, Field(gt=0)] = 30.0
    answer_s: Annotated[float, Field(gt=0)] = 30.0

    @model_validator(mode="after")
    def _complete(self) -> Hl7v2Config:
        tls.paired(self.certificate_file, self.key_file)
        if self.client_ca_file and not self.certificate_file:
            raise ValueError("client_ca_file needs certificate_file and key_file")
        if self.partner_host and self.memory_file is None:
            raise ValueError("partner_host needs memory_file: later changes are addressed from it")
        return self

    def listening(self) -> ssl.SSLContext | None:
        """TLS of the listener. Raises OSError for files that cannot be used."""
        return tls.listening(self.certificate_file, self.key_file, self.client_ca_file)

    def sending(self) -> ssl.SSLContext | None:
        """TLS towards the partner. Raises OSError for a file that cannot be used."""
        return ssl.create_default_context(cafile=self.partner_ca_file) if self.partner_tls else None


async def checks(config: Hl7v2Config) -> list[Check]:
    """One for each thing that can be wrong."""
    return [
        await port_free(config.host, config.port),
        pem_usable(
            "certificate",
            config.listening,
            config.sending,
            tls="the listener speaks TLS",
            plain="no TLS: a closed network or a tunnel",
        ),
        _charset(config),
        await _partner(config),
        *await asyncio.to_thread(_files, config),
    ]


def _charset(config: Hl7v2Config) -> Check:
    name = "charset"
    if config.charset.upper() in CHARSETS:
        return Check(name, ok=True, found=f"{config.charset} where MSH-18 is empty")
    return Check(name, ok=False, found=f"{config.charset} is not known", fix=f"Use one of {', '.join(CHARSETS)}.")


async def _partner(config: Hl7v2Config) -> Check:
    name, place = "partner", f"{config.partner_host}:{config.partner_port}"
    if not config.partner_host:
        return Check(name, ok=True, found="no address: the partner is not told what became of its referrals")
    try:
        context = config.sending()
    except OSError:
        return Check(name, ok=False, found="its CA cannot be read", fix="Give a readable PEM file.")
    wrong = await Partner(config.partner_host, config.partner_port, context, min(5.0, config.answer_s)).reachable()
    if wrong:
        fix = "Start the engine's listener, open the way there in the firewall, or correct address and TLS."
        return Check(name, ok=False, found=f"{place} does not answer: {wrong}", fix=fix)
    return Check(name, ok=True, found=f"{place} takes connections")


def _files(config: Hl7v2Config) -> list[Check]:
    """Runs in a thread: folders may be on a network."""
    found = []
    if config.memory_file is not None:
        found.append(file_writable("memory", config.memory_file))
    if config.folder is not None:
        ok = config.folder.is_dir() and os.access(config.folder, os.R_OK)
        fix = "" if ok else "Name a folder that exists and that this account may read."
        found.append(Check("folder", ok=ok, found=f"{config.folder} can{'' if ok else 'not'} be read", fix=fix))
    return found
