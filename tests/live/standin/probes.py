"""Small C programs that print where a compiler puts the fields of records."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from live.profitdll.standin.build import compiler

_STANDIN = Path(__file__).resolve().parents[3] / "live" / "profitdll" / "standin"


def probe_source(header: str, records: Mapping[str, Sequence[str]]) -> str:
    """Return a program that prints `record size` and `record.field offset` lines."""
    lines = [f'#include "{header}"', "#include <stddef.h>", "#include <stdio.h>", "int main(void) {"]
    for record, fields in records.items():
        lines.append(f'    printf("{record} %d\\n", (int)sizeof({record}));')
        lines += [f'    printf("{record}.{field} %d\\n", (int)offsetof({record}, {field}));' for field in fields]
    return "\n".join([*lines, "    return 0;", "}", ""])


def build_program(folder: Path, name: str, source: str, windows: bool = False) -> Path:
    """Compile a program that may include the stand-in's headers."""
    path = folder / f"{name}.c"
    path.write_text(source, encoding="utf-8")
    program = folder / (f"{name}.exe" if windows else name)
    libraries = [] if windows else ["-ldl"]
    subprocess.run(
        [*compiler(windows), "-std=gnu11", "-O2", "-I", str(_STANDIN), str(path), "-o", str(program), *libraries],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return program


def printed(command: Sequence[str], env: Mapping[str, str] | None = None) -> dict[str, int]:
    """Run a probe and read its lines."""
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env, timeout=120)
    return {name: int(number) for name, number in (line.split() for line in done.stdout.split("\n") if line.strip())}
