"""`autosam doctor`: what this machine is, what is wrong with it, and the cure."""

from __future__ import annotations

import sys
from json import dumps
from typing import Annotated, Any

import typer

from autosam.core.words import counted


def doctor(json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False) -> None:
    """Show versions, devices, memory, disk and weights, and what is wrong with its cure. Touches no network.

    Exits with 3 where something must be mended.
    """
    from autosam.inference.diagnosis import diagnose
    from autosam.inference.machine import machine

    facts = machine()
    findings = diagnose(facts)
    if json:
        print(dumps({"machine": facts, "findings": [finding.as_dict() for finding in findings]}, indent=2))
    else:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console(highlight=False)
        if console.is_terminal:
            table = Table(show_header=False, box=None, pad_edge=False)
            for name, value in rows(facts):
                table.add_row(Text(name, "bold"), Text(value))
            console.print(table)
        else:
            console.print("\n".join(f"{name}: {value}" for name, value in rows(facts)), markup=False, soft_wrap=True)
        for finding in findings:
            mark = "[bold red]wrong[/]" if finding.fault else "[yellow]note[/]"
            console.print(f"{mark}: ", end="")
            console.print(f"{finding.what}. {finding.cure}.", markup=False, soft_wrap=True)
        if not any(finding.fault for finding in findings):
            console.print("[green]Nothing must be mended.[/]")
    faults = sum(finding.fault for finding in findings)
    if faults:
        print(f"error: {faults} of these must be mended, each by the cure beside it", file=sys.stderr, flush=True)
        raise typer.Exit(3)


def rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Returns the facts of `machine()` as lines of (name, value)."""
    memory, cache, temporary = facts["memory"], facts["cache"], facts["temporary"]
    features = [name for name, there in facts["cpu"]["features"].items() if there]
    outdated = facts["outdated_engines"]
    old = f"{outdated} of other versions, threads or machines; deleting the folder engines of the cache forgets all"
    versions = [f"{name} {version}" for name, version in facts["libraries"].items() if version is not None]
    return [
        ("system", f"{' '.join(facts['system'].values())}, Python {facts['python']['version']}"),
        ("libraries", ", ".join(versions)),
        ("cores", f"{facts['cpu']['cores']} usable, torch uses {counted(facts['threads']['torch'], 'thread')}"),
        ("instructions", ", ".join(features) or "none of those that help is known"),
        ("memory", f"{_size(memory['available'])} free of {_size(memory['total'])}"),
        ("devices", ", ".join(_device(device) for device in facts["devices"])),
        ("cache", f"{cache['folder']}, {_size(cache['free'])} free"),
        ("temporary", "none" if temporary is None else f"{temporary['folder']}, {_size(temporary['free'])} free"),
        ("embeddings", f"{_size(facts['embeddings']['bytes'])} in the cache"),
        *[(f"engine of {found['sam']}", _measured(found)) for found in facts["engines"]],
        *([("other self-tests", old)] if outdated else []),
        ("weights", ", ".join(name for name, place in facts["weights"].items() if place is not None) or "none"),
    ]


def _measured(found: dict[str, Any]) -> str:
    tried = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in found["seconds"].items())
    return f"{found['engine']['name']} {found['engine']['precision']} (an image: {tried})"


def _device(device: dict[str, Any]) -> str:
    memory = None if device["memory"] is None else _size(device["memory"])
    known = ", ".join(part for part in (device["model"], memory) if part)
    return f"{device['name']} ({known})" if known else str(device["name"])


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
